"""Readers on redis-py: pub/sub with handlers and polling, shard channels, reads from replicas."""

import json
import sys
import time

from redis.cluster import LoadBalancingStrategy, RedisCluster


def show(value):
    print(json.dumps(value, separators=(",", ":")))


port = int(sys.argv[1])
rc = RedisCluster(host="localhost", port=port, decode_responses=True)
rc.flushall(target_nodes=RedisCluster.PRIMARIES)


def messages(pubsub, count):
    seen = []
    while len(seen) < count:
        message = pubsub.get_message(timeout=1, ignore_subscribe_messages=True)
        if message is not None:
            seen.append([message["channel"], message["data"]])
    return seen


p = rc.pubsub()
p.subscribe("news")
while p.get_message(timeout=1) is None:
    pass
rc.publish("news", "first")
show(messages(p, 1))
p.subscribe("late")
while p.get_message(timeout=1) is None:
    pass
rc.publish("late", 2)
rc.publish("news", "third")
show(sorted(messages(p, 2)))
p.unsubscribe("news")
while p.get_message(timeout=1) is None:
    pass
rc.publish("news", "nobody listens")
rc.publish("late", "fourth")
show(messages(p, 1))
show(p.get_message(timeout=0.1))
p.close()

handled = []
p = rc.pubsub()
p.subscribe(orders=lambda message: handled.append(f"order {message['data']}"))
p.subscribe(returns=lambda message: handled.append(f"return {message['data']}"))
for _ in range(2):
    while p.get_message(timeout=1) is None:
        pass
rc.publish("orders", 1)
rc.publish("returns", 2)
while len(handled) < 2:
    p.get_message(timeout=1)
show(sorted(handled))
p.close()

p = rc.pubsub()
p.ssubscribe("{shard}x")
time.sleep(0.2)
rc.spublish("{shard}x", "sharded")
seen = None
while seen is None or seen["type"] != "smessage":
    seen = p.get_sharded_message(timeout=1)
show([seen["channel"], seen["data"]])
p.close()

reader = RedisCluster(
    host="localhost",
    port=port,
    decode_responses=True,
    load_balancing_strategy=LoadBalancingStrategy.ROUND_ROBIN,
)
reader.set("k", "v")
rc.wait(1, 1000, target_nodes=rc.get_node_from_key("k"))
time.sleep(0.2)
show([reader.get("k") for _ in range(4)])
