"""A service on redis-py: pipelines, optimistic transactions, a script, a lock."""

import json
import sys

from redis.cluster import RedisCluster
from redis.exceptions import LockError, ResponseError


def show(value):
    print(json.dumps(value, separators=(",", ":")))


rc = RedisCluster(host="localhost", port=int(sys.argv[1]), decode_responses=True)
rc.flushall(target_nodes=RedisCluster.PRIMARIES)

pipe = rc.pipeline()
pipe.set("user:1", "ada", ex=60).incr("visits").rpush("log", "a", "b").get("user:1")
show(pipe.execute())

pipe = rc.pipeline()
pipe.get("user:1").incr("user:1").incr("visits")
show(["error" if isinstance(result, ResponseError) else result for result in pipe.execute(raise_on_error=False)])

rc.mset({"{acc}a": 100, "{acc}b": 0})


def transfer(pipe):
    balance = int(pipe.get("{acc}a"))
    pipe.multi()
    pipe.set("{acc}a", balance - 5)
    pipe.incrby("{acc}b", 5)


for _ in range(10):
    rc.transaction(transfer, "{acc}a")
show(rc.mget("{acc}a", "{acc}b"))

double = rc.register_script("return redis.call('GET', KEYS[1]) * ARGV[1]")
show(double(keys=["{acc}a"], args=[2]))

lock = rc.lock("report", timeout=10)
with lock:
    show(rc.lock("report", timeout=10).acquire(blocking=False))
    lock.extend(20, replace_ttl=True)
    show([lock.owned(), rc.ttl("report") > 10])
show(lock.locked())
try:
    rc.lock("report", timeout=10).release()
except LockError:
    show("not held")
