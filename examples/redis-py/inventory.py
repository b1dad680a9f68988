"""An inventory on redis-py: keys of many slots, targets, scans, one node."""

import json
import sys

from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException


def number(text):
    value = float(text)
    return int(value) if value.is_integer() else value


def show(value):
    # JSON of JavaScript has one kind of number.
    value = json.loads(json.dumps(value), parse_float=number)
    print(json.dumps(value, separators=(",", ":")))


rc = RedisCluster(host="localhost", port=int(sys.argv[1]), decode_responses=True)
rc.flushall(target_nodes=RedisCluster.PRIMARIES)

stock = {f"stock:{i}": i * 10 for i in range(20)}
rc.mset_nonatomic(stock)
show(sum(int(amount) for amount in rc.mget_nonatomic(*stock)))
try:
    rc.mget("stock:3", "stock:4")
except RedisClusterException:
    show("keys of different slots")

rc.zadd("prices", {"pen": 2, "ink": 7, "paper": 5})
rc.zadd("prices", {"pen": 1, "ink": 9}, gt=True)
show(rc.zrange("prices", 0, -1, withscores=True))

show(sorted(rc.scan_iter(match="stock:1*", count=100)))
show(len(set(rc.scan_iter(match="stock:*", target_nodes=RedisCluster.PRIMARIES))))
show(rc.exists("stock:1", "stock:2", "stock:99"))
show(rc.delete("stock:1", "stock:2", "stock:99"))

node = rc.get_node_from_key("prices")
r = node.redis_connection
pipe = r.pipeline(transaction=False)
pipe.zscore("prices", "ink").zincrby("prices", 0.5, "pen").zcard("prices")
show(pipe.execute())
show([rc.keyslot("prices"), node.server_type, len(rc.get_replicas())])
show(rc.dbsize(target_nodes=RedisCluster.PRIMARIES))
