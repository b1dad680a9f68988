// Measures a Go client: `bench rueidis|go-redis host:port`. See ../README.md for what it reads and writes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

type work struct {
	Mode    string `json:"mode"`
	Callers int    `json:"callers"`
	Size    int    `json:"size"`
	Millis  int    `json:"millis"`
}

// client reads one value, or the values of one pipeline.
type client struct {
	get      func(key string) error
	pipeline func(keys []string) error
}

func withRueidis(address string) (client, error) {
	redis, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true})
	if err != nil {
		return client{}, err
	}
	ctx := context.Background()
	return client{
		get: func(key string) error {
			return redis.Do(ctx, redis.B().Get().Key(key).Build()).Error()
		},
		pipeline: func(keys []string) error {
			commands := make(rueidis.Commands, 0, len(keys))
			for _, key := range keys {
				commands = append(commands, redis.B().Get().Key(key).Build())
			}
			for _, reply := range redis.DoMulti(ctx, commands...) {
				if err := reply.Error(); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

func withGoRedis(address string) (client, error) {
	redisClient := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{address}, PoolSize: 64})
	ctx := context.Background()
	return client{
		get: func(key string) error { return redisClient.Get(ctx, key).Err() },
		pipeline: func(keys []string) error {
			pipeline := redisClient.Pipeline()
			for _, key := range keys {
				pipeline.Get(ctx, key)
			}
			_, err := pipeline.Exec(ctx)
			return err
		},
	}, redisClient.Ping(ctx).Err()
}

func cpuMicros() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return (usage.Utime.Sec+usage.Stime.Sec)*1_000_000 + int64(usage.Utime.Usec+usage.Stime.Usec)
}

func run(c client, w work) (int64, error) {
	keys := make([]string, 1000)
	pipeline := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprintf("languages:%d:%d", w.Size, i)
	}
	for i := range pipeline {
		pipeline[i] = fmt.Sprintf("{languages:%d}:%d", w.Size, i)
	}
	var count atomic.Int64
	var group sync.WaitGroup
	var failure atomic.Value
	end := time.Now().Add(time.Duration(w.Millis) * time.Millisecond)
	for caller := 0; caller < w.Callers; caller++ {
		group.Add(1)
		go func(at int) {
			defer group.Done()
			done := int64(0)
			for time.Now().Before(end) {
				var err error
				if w.Mode == "pipeline" {
					err = c.pipeline(pipeline)
					done += int64(len(pipeline))
				} else {
					err = c.get(keys[at%len(keys)])
					at++
					done++
				}
				if err != nil {
					failure.Store(err)
					return
				}
			}
			count.Add(done)
		}(caller * 7)
	}
	group.Wait()
	if err, failed := failure.Load().(error); failed {
		return 0, err
	}
	return count.Load(), nil
}

func main() {
	connect := map[string]func(string) (client, error){"rueidis": withRueidis, "go-redis": withGoRedis}[os.Args[1]]
	c, err := connect(os.Args[2])
	if err != nil {
		panic(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var w work
		if err := json.Unmarshal(lines.Bytes(), &w); err != nil {
			panic(err)
		}
		started, before := time.Now(), cpuMicros()
		commands, err := run(c, w)
		if err != nil {
			panic(err)
		}
		fmt.Printf("{\"commands\":%d,\"cpuMicros\":%d,\"millis\":%f}\n", commands, cpuMicros()-before,
			float64(time.Since(started).Microseconds())/1000)
	}
}
