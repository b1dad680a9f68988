"""Measures redis-py: `bench.py redis-py host:port`. See ../README.md for what it reads and writes."""
import asyncio
import json
import resource
import sys
import time

import uvloop
from redis.asyncio.cluster import RedisCluster


def cpu_micros() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1_000_000)


async def run(client: RedisCluster, work: dict) -> int:
    keys = [f"languages:{work['size']}:{i}" for i in range(1000)]
    batch = ["{languages:%d}:%d" % (work["size"], i) for i in range(100)]
    end = time.monotonic() + work["millis"] / 1000

    async def get(at: int) -> int:
        done = 0
        while time.monotonic() < end:
            await client.get(keys[at % len(keys)])
            at += 1
            done += 1
        return done

    async def pipeline(_: int) -> int:
        done = 0
        while time.monotonic() < end:
            pipeline = client.pipeline()
            for key in batch:
                pipeline.get(key)
            done += len(await pipeline.execute())
        return done

    caller = pipeline if work["mode"] == "pipeline" else get
    return sum(await asyncio.gather(*(caller(index * 7) for index in range(work["callers"]))))


async def main() -> None:
    host, port = sys.argv[2].split(":")
    client = RedisCluster(host=host, port=int(port), decode_responses=True, protocol=3, max_connections=1000)
    await client.initialize()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        work = json.loads(line)
        started, before = time.monotonic(), cpu_micros()
        commands = await run(client, work)
        millis = (time.monotonic() - started) * 1000
        print(json.dumps({"commands": commands, "cpuMicros": cpu_micros() - before, "millis": millis}), flush=True)
    await client.aclose()


uvloop.run(main())
