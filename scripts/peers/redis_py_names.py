"""Prints the public names of redis-py's cluster client, by kind: python redis_py_names.py > redis-py.json"""

import inspect
import json

import redis
import redis.connection
import redis.exceptions
import redis.lock
from redis.cluster import (
    ClusterNode,
    ClusterPipeline,
    ClusterPubSub,
    LoadBalancingStrategy,
    NodesManager,
    RedisCluster,
)


def public(value):
    return sorted(name for name in dir(value) if not name.startswith("_"))


def parameters(cls):
    return [
        name
        for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]


methods = public(RedisCluster)
takers = [
    RedisCluster,
    redis.connection.AbstractConnection,
    redis.connection.Connection,
    redis.connection.SSLConnection,
]
names = {
    "methods": methods,
    "options": sorted({name for taker in takers for name in parameters(taker)}),
    "exceptions": sorted(
        name
        for name, value in vars(redis.exceptions).items()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == "redis.exceptions"
    ),
    "strategies": [strategy.name for strategy in LoadBalancingStrategy],
    "pubsub": public(ClusterPubSub),
    "pipeline": [name for name in public(ClusterPipeline) if name not in methods],
    "lock": public(redis.lock.Lock),
    "node": public(ClusterNode("localhost", 1)),
    "nodesManager": public(NodesManager),
}
flags = {
    name: f"{flag}, merged" if name in RedisCluster.RESULT_CALLBACKS else flag
    for name, flag in RedisCluster.COMMAND_FLAGS.items()
}
print(json.dumps({"version": redis.__version__, "names": names, "routing": flags}, indent=2))
