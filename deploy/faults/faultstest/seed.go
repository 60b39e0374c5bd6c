// Package faultstest gives fault tests their chance, their size and their victims: what they draw follows from one seed, they are as long as
// was asked for, and the processes that they start end with them.
package faultstest

import (
	"flag"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The variables that make test-faults sets.
const (
	seedVariable  = "UGC_TEST_SEED"   // a number that repeats what was drawn
	wholeVariable = "UGC_TEST_FAULTS" // whole: the whole matrix; else the part of it that make test has time for
)

// Whole says whether the whole matrix is asked for.
func Whole() bool { return os.Getenv(wholeVariable) == "whole" }

// Times is how often to do something: a few times, or as often as the whole matrix does.
func Times(few, whole int) int {
	if Whole() {
		return whole
	}
	return few
}

// NeedWhole skips a test that is too long for make test.
func NeedWhole(t testing.TB, why string) {
	t.Helper()
	if !Whole() {
		t.Skipf("%s: make test-faults runs it", why)
	}
}

// Seed is what the test draws from: the one that was asked for, or a fresh one. The test's output says which, and how to repeat it. What follows from the
// seed is what the test does; when the kernel lets which process run does not.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv(seedVariable), 10, 64)
	if err != nil {
		seed = uint64(rand.Uint32())
	}
	t.Cleanup(func() {
		if t.Failed() {
			name, _, _ := strings.Cut(t.Name(), "/")
			t.Logf("seed %d: repeat it with make test-faults SEED=%d RUN=%s", seed, seed, name)
		}
	})
	return seed
}

// Chance is a source of random numbers that follows from the seed.
func Chance(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 1))
}

// Rapid lets rapid draw from the seed where one is given, and check as often as the whole matrix asks. Call it before rapid.Check.
func Rapid(t testing.TB, whole int) {
	t.Helper()
	set := func(name, value string) {
		before := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = flag.Set(name, before) })
	}
	if seed := os.Getenv(seedVariable); seed != "" {
		set("rapid.seed", seed)
	}
	if Whole() {
		set("rapid.checks", strconv.Itoa(whole))
	}
}
