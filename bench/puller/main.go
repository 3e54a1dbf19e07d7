// Asks for the heads of many manifests with go-containerregistry's remote.Puller, and prints the
// milliseconds that they took, the program's start and its first token left out: what the benchmark
// puts beside davit.
//
// puller REPOSITORY USERNAME PASSWORD COUNT: the tags are t0, t1, …
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

const atOnce = 32

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	repository, err := name.NewRepository(os.Args[1], name.Insecure)
	check(err)
	count, err := strconv.Atoi(os.Args[4])
	check(err)
	puller, err := remote.NewPuller(remote.WithAuth(&authn.Basic{Username: os.Args[2], Password: os.Args[3]}))
	check(err)
	ctx := context.Background()
	_, err = puller.Head(ctx, repository.Tag("t0"))
	check(err)

	tags := make(chan int)
	var workers sync.WaitGroup
	start := time.Now()
	for range atOnce {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for tag := range tags {
				_, err := puller.Head(ctx, repository.Tag(fmt.Sprintf("t%d", tag)))
				check(err)
			}
		}()
	}
	for tag := range count {
		tags <- tag
	}
	close(tags)
	workers.Wait()
	fmt.Printf("%.1f\n", float64(time.Since(start).Microseconds())/1000)
}
