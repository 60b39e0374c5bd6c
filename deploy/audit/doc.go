// Package audit compares what was accepted with what is stored: it folds the commands once more, by the pure rules alone, and holds the
// result against the events, the tables and every view.
//
// A service may go on writing meanwhile. The audit takes the ends of the command topics as its snapshot, waits until processors and views have
// reached it, and reads what is stored. Only then it folds, up to where the commands end by now: a stored state is compared with the fold at
// the very version that it claims, so that one newer than the snapshot is checked as well, and must not be older than the snapshot.
//
// Derived views are compared at a moment when their stored views stand exactly at their watermarks, with the fold up to there.
//
// It goes partition by partition. Kept at a time are, for one partition, the states of its keys, three numbers for each of its commands, and of
// each stored row a number and a version; and for the whole audit a summary for each movie
// and the rows of the derived views.
package audit
