package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"ugc/deploy/cli"
)

// Program is what a process of ours does, started by another one. ctx ends when it shall stop, which is no failure; say tells
// the process that started it something, which that one Hears. The argument is what that one gave.
type Program func(ctx context.Context, argument json.RawMessage, say func(any) error) error

// Names of programs.
const (
	programMeasure = "measure"   // one measurement of one contender
	programBroker  = "broker"    // the embedded broker and schema registry, as backbone
	programService = "ugc"       // the whole command line; the argument is its arguments
	programLoad    = "http-load" // the load generator of the HTTP contests
)

// programs are all of them.
func programs() map[string]Program {
	return map[string]Program{
		programMeasure: runMeasurement,
		programBroker:  runBackbone,
		programService: runService,
		programLoad:    runLoad,
	}
}

// child is the whole life of a process that another one of ours started.
func child(args []string, errs io.Writer) int {
	if len(args) != 2 || programs()[args[0]] == nil {
		_, _ = fmt.Fprintln(errs, "bench: started with", args)
		return 2
	}
	syscall.CloseOnExec(lifelineFD) // or a process that we start would keep them open
	syscall.CloseOnExec(reportFD)
	reports := json.NewEncoder(os.NewFile(reportFD, "report"))
	say := func(v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return reports.Encode(message{Value: b})
	}
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM) // to the last: one that is told to end as it ends has not failed
	go obey(os.NewFile(lifelineFD, "lifeline"))
	err := programs()[args[0]](ctx, json.RawMessage(args[1]), say)
	if err == nil || ctx.Err() != nil {
		return 0
	}
	if reports.Encode(message{Error: err.Error()}) != nil {
		_, _ = fmt.Fprintln(errs, err)
	}
	return 1
}

// obey ends this process when the one that started it asks for it, or is gone: at first as SIGTERM would, then by force.
func obey(lifeline *os.File) {
	_, _ = lifeline.Read(make([]byte, 1)) // nothing is ever written
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	time.AfterFunc(endWithin, func() { os.Exit(1) })
}

// runService is ugc itself.
func runService(ctx context.Context, argument json.RawMessage, _ func(any) error) error {
	var args []string
	if err := json.Unmarshal(argument, &args); err != nil {
		return err
	}
	path := os.Getenv(profileVariable)
	done, err := profile(path)
	if err != nil {
		return err
	}
	working, stopped := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { keepHeap(working, path) })
	code := cli.Main("bench", args, os.Stdout, os.Stderr)
	stopped()
	watching.Wait()
	done()
	if code != 0 {
		return fmt.Errorf("ugc exited with %d", code)
	}
	return nil
}

// keepHeap writes heap profiles of a service at work, each over the one before: at its end it holds nothing any more.
func keepHeap(ctx context.Context, path string) {
	for path != "" && pause(ctx, heapEvery) == nil {
		writeHeap(path + ".working")
	}
}

const heapEvery = 10 * time.Second
