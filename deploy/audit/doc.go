// Package audit compares what was accepted with what is stored: it folds the commands once more, by package reference alone, which is a second
// reading of README's rules, and holds the result against the events, the tables and every view. What there is to compare it takes from the lists that the
// service itself runs on; it refuses to run where one names something that it has no check for.
//
// A service may go on writing meanwhile. The audit takes the ends of the command topics as its snapshot, waits until processors and views have
// reached it, and reads what is stored. Only then it folds, up to where the commands end by now: a stored state is compared with the fold at
// the very version that it claims, so that one newer than the snapshot is checked as well, and must not be older than the snapshot.
//
// A command is judged by the rules that its event names, those that held when it was decided. A dead letter counts only where the record, which is read
// again at its origin, or an earlier letter of its key justifies it (letters.go).
//
// Derived views are compared at a moment when their stored views stand exactly at their watermarks, with the fold up to there; where there is no such moment
// they are reported as not compared, which is no success.
//
// It goes partition by partition. Kept at a time are, for one partition, what is known of its keys, 18 bytes for each of its commands, and of
// each stored row a number and a version; and for the whole audit a summary for each movie, a few words for each dead letter,
// and the rows of the derived views.
package audit
