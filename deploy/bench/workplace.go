package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

// Workplace is what a contender has for one measurement. It is not for concurrent use.
type Workplace struct {
	Dir string // fresh and empty; removed afterwards with all that is in it

	contest   string
	side      side
	profile   string
	settings  settings
	processes []*Process
}

// Start starts another process with one of our programs; the argument is anything that JSON can carry, env adds to the environment. It ends when the
// measurement does, if it was not ended before.
func (w *Workplace) Start(program string, argument any, env ...string) (*Process, error) {
	p, err := startProcess(program, argument, env...)
	if err == nil {
		w.processes = append(w.processes, p)
	}
	return p, err
}

// Setting is a number that the command line can change (-set name=number).
func (w *Workplace) Setting(name string, otherwise int64) int64 {
	if v, ok := w.settings[name]; ok {
		return v
	}
	return otherwise
}

// ProfilePath is where a profile of this contender goes, without its ending; "" where none is wanted.
func (w *Workplace) ProfilePath() string {
	if w.profile == "" {
		return ""
	}
	return filepath.Join(w.profile, w.contest+"-"+string(w.side))
}

// Measure measures this process while work runs, which returns how many units it did. What was prepared before is not counted, but for what memory it
// still holds: garbage is collected first.
func (w *Workplace) Measure(work func() (units int64, err error)) (Sample, error) {
	runtime.GC()
	done, err := profile(w.ProfilePath())
	if err != nil {
		return Sample{}, err
	}
	defer done()
	return w.measure(os.Getpid(), work)
}

// MeasureProcess is Measure for a process that this one started and that does the work; time in the kernel is only known to 10 ms there.
func (w *Workplace) MeasureProcess(p *Process, work func() (units int64, err error)) (Sample, error) {
	return w.measure(p.PID(), work)
}

func (w *Workplace) measure(pid int, work func() (int64, error)) (Sample, error) {
	if err := forgetPeak(pid); err != nil {
		return Sample{}, err
	}
	before, err := usageOf(pid)
	if err != nil {
		return Sample{}, err
	}
	began := time.Now()
	units, err := work()
	took := time.Since(began)
	if err != nil {
		return Sample{}, err
	}
	after, err := usageOf(pid)
	if err != nil {
		return Sample{}, err
	}
	return Sample{Units: units, Took: took, CPU: after.cpu - before.cpu, Peak: after.peak, Figures: map[string]float64{}}, nil
}

// close ends every process that was started, the last one first.
func (w *Workplace) close(ctx context.Context) error {
	var errs []error
	for i := len(w.processes) - 1; i >= 0; i-- {
		errs = append(errs, w.processes[i].End(ctx))
	}
	return errors.Join(errs...)
}

// profileVariable tells a service that we start where to leave its profiles.
const profileVariable = "BENCH_PROFILE"

// profile begins a CPU profile and returns what ends it and writes a heap profile too; with "" neither does anything.
func profile(path string) (done func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	cpu, err := os.Create(path + ".cpu.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return nil, errors.Join(err, cpu.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = cpu.Close()
		writeHeap(path)
	}, nil
}

func writeHeap(path string) {
	if heap, err := os.Create(path + ".heap.pprof"); err == nil {
		_ = pprof.WriteHeapProfile(heap)
		_ = heap.Close()
	}
}

// measurement is the argument of programMeasure.
type measurement struct {
	Contest  string   `json:"contest"`
	Side     side     `json:"side"`
	Dir      string   `json:"dir"`
	Profile  string   `json:"profile,omitempty"`
	Settings settings `json:"settings,omitempty"`
}

// runMeasurement is the process of one measurement: it runs the contender and says its sample.
func runMeasurement(ctx context.Context, argument json.RawMessage, say func(any) error) error {
	var m measurement
	if err := json.Unmarshal(argument, &m); err != nil {
		return err
	}
	chosen, err := choose(registered(), m.Contest)
	if err != nil {
		return err
	}
	w := &Workplace{Dir: m.Dir, contest: m.Contest, side: m.Side, profile: m.Profile, settings: m.Settings}
	s, err := m.Side.of(&chosen[0]).Run(ctx, w)
	if end := w.close(ctx); err == nil {
		err = end
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.Side, err)
	}
	return say(s)
}
