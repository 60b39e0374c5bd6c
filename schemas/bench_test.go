package schemas

import (
	"testing"

	"ugc/domain"
)

func BenchmarkEncode(b *testing.B) {
	codec := Offline()
	cmd, event, table := sampleCommands()[0], sampleEvents()[0], samplePlaybackTable()
	b.Run("RecordPlayback", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = codec.AppendCommand(buf[:0], cmd)
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("PlaybackRecorded", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = codec.EncodeEvent(event)
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("PlaybackTable", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = codec.EncodePlaybackTable(table)
		}
		b.SetBytes(int64(len(buf)))
	})
}

func BenchmarkDecode(b *testing.B) {
	codec := Offline()
	cmd, _ := codec.EncodeCommand(sampleCommands()[0])
	event, _ := codec.EncodeEvent(sampleEvents()[0])
	table, _ := codec.EncodePlaybackTable(samplePlaybackTable())
	later := All()[playbackRecorded].Text
	other := codecFor(shelf{1000: later})
	foreign := append([]byte{0, 0, 0, 0x03, 0xe8}, event[headerSize:]...)
	for name, decode := range map[string]func() (any, error){
		"RecordPlayback":                 func() (any, error) { return codec.DecodeCommand(cmd) },
		"PlaybackRecorded":               func() (any, error) { return codec.DecodeEvent(event) },
		"PlaybackRecordedOfOtherVersion": func() (any, error) { return other.DecodeEvent(foreign) },
		"PlaybackTable":                  func() (any, error) { return codec.DecodePlaybackTable(table) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("AppliedOf", func(b *testing.B) {
		for b.Loop() {
			if v, err := AppliedOf(table); err != nil || v == domain.NoVersion {
				b.Fatal(err)
			}
		}
	})
}
