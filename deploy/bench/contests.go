package main

// registered are the contests that a run knows; tests have others.
var registered = contests

// contests are all contests, in the order of the table.
func contests() []Contest {
	return []Contest{
		rest(),
		visible(),
		memory(),
		httpSingle(64),
		httpSingle(256),
		httpBatch(),
		decide(),
		restoreCold(),
		restoreWarm(),
		mongoBulk(),
		mongoOneByOne(),
		clickHouse(),
		documentViews(),
	}
}
