package handlers

import (
	"fmt"
	"testing"

	"ugc/domain"
)

func BenchmarkInSequence(b *testing.B) {
	batch := make([]domain.Command, 100)
	for i := range batch {
		f := domain.Fact{User: fmt.Sprintf("user-%d", i), Movie: fmt.Sprintf("movie-%d", i), Session: "session", Sequence: int64(i + 1)}
		batch[i] = &domain.RecordPlayback{Fact: f}
	}
	b.ReportAllocs()
	for b.Loop() {
		if inSequence(batch) != nil {
			b.Fatal("it is in sequence")
		}
	}
}
