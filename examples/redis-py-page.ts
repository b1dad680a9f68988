/**
 * redis-py's page on clustering, each of its code blocks in order (https://redis.readthedocs.io/en/stable/clustering.html): the Python
 * lines as comments, and the same here. A test holds the printed lines to the comments behind them.
 */
// Run: node examples/redis-py-page.ts
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Logger, Queue, References, Result } from "effect"
import { ClusterClient, type ClusterClientShape, type ClusterNode, ReadFrom } from "../src/index.ts"
import { RedisCluster } from "../test/harness/RedisCluster.ts"
import { givenUrl } from "./support.ts"

/** Prints a value as JSON; nodes by their address. */
const print = (value: unknown) => Console.log(JSON.stringify(value))

/** The replies of nodes, in the order of the nodes. */
const replies = <A>(byNode: ReadonlyMap<ClusterNode, A>): ReadonlyArray<A> => [...byNode.values()]

const settle = Effect.sleep("50 millis")

const connecting = Effect.fn(function*(port: number) {
  // rc = Redis(host='localhost', port=6379)
  // print(rc.get_nodes())
  const rc = yield* ClusterClient.make({ nodes: { host: "localhost", port } })
  yield* print((yield* rc.nodes).map(({ role }) => role).toSorted()) // ["primary","primary","primary","replica","replica","replica"]

  // rc = Redis.from_url("redis://localhost:6379/0")
  yield* ClusterClient.make({ nodes: `redis://localhost:${port}/0` })

  // nodes = [ClusterNode('localhost', 6379), ClusterNode('localhost', 6378)]
  // rc = Redis(startup_nodes=nodes)
  yield* ClusterClient.make({ nodes: [{ host: "localhost", port }, { host: "localhost", port: 1 }] })

  // If none of the startup nodes are reachable, a RedisClusterException will be thrown.
  const none = yield* Effect.flip(ClusterClient.make({ nodes: { host: "localhost", port: 1 } }))
  yield* print(none.reason._tag) // "NoReachableNodeError"

  // The slots cache, the nodes cache.
  const { nodes, slots } = yield* rc.topology
  yield* print([slots.length, nodes.size]) // [16384,6]
  return rc
}, Effect.scoped)

const executing = Effect.fn(function*(rc: ClusterClientShape) {
  // rc.set('foo1', 'bar1')
  // rc.set('foo2', 'bar2')
  // print(rc.get('foo1'))
  yield* rc.set("foo1", "bar1")
  yield* rc.set("foo2", "bar2")
  yield* print(yield* rc.get("foo1")) // "bar1"
  // print(rc.keys())
  yield* print((yield* rc.keys("*")).toSorted()) // ["foo1","foo2"]
  // rc.ping()
  yield* print(yield* rc.ping()) // "PONG"
  // The default node is one of the primaries.
  yield* print((yield* rc.primaries).includes(yield* rc.defaultNode)) // true
})

const targets = Effect.fn(function*(rc: ClusterClientShape, port: number) {
  // rc.cluster_meet('127.0.0.1', 6379, target_nodes=Redis.ALL_NODES)
  yield* print(replies(yield* rc.on("all").clusterMeet("127.0.0.1", port))) // ["OK","OK","OK","OK","OK","OK"]
  // rc.ping(target_nodes=Redis.REPLICAS)
  yield* print(replies(yield* rc.on("replicas").ping())) // ["PONG","PONG","PONG"]
  // rc.ping(target_nodes=Redis.RANDOM)
  yield* print(replies(yield* rc.on("random").ping())) // ["PONG"]
  // rc.keys(target_nodes=Redis.ALL_NODES)
  yield* settle
  yield* print([...new Set(replies(yield* rc.on("all").keys("*")).flat())].toSorted()) // ["foo1","foo2"]
  // rc.bgsave(Redis.PRIMARIES)
  yield* print(replies(yield* rc.on("primaries").bgsave()).length) // 3

  // node = rc.get_node('localhost', 6379)
  // rc.keys(target_nodes=node)
  const node = yield* rc.nodeAt({ host: "localhost", port })
  yield* print((yield* rc.on(node).keys("foo*")).size) // 1
  // subset_primaries = [node for node in rc.get_primaries() if node.port > 6378]
  // rc.info(target_nodes=subset_primaries)
  const [, ...subset] = yield* rc.primaries
  const infos = yield* rc.on(subset).info("server")
  // A field that Redis names redis_mode and Valkey server_mode.
  yield* print(replies(infos).map(({ server }) => (server.redisMode ?? server.serverMode) === "cluster")) // [true,true]
})

const direct = Effect.fn(function*(rc: ClusterClientShape, port: number) {
  // cluster_node = rc.get_node(host='localhost', port=6379)
  // print(cluster_node)
  const clusterNode = yield* rc.nodeAt({ host: "localhost", port })
  yield* print(String(clusterNode) === `127.0.0.1:${port}`) // true
  // r = cluster_node.redis_connection
  // r.client_list()
  const r = yield* rc.node(clusterNode)
  yield* print((yield* r.clientList()).length > 0) // true
  // r.keys()
  const keys = yield* r.keys("foo*")
  yield* print(keys.every((key) => key === "foo1" || key === "foo2")) // true
  // The Redis client, however, does not handle cluster failures and retries.
  const [owner, other] = [yield* rc.ownerOf("foo1"), (yield* rc.primaries).slice(0, 2)]
  const stranger = other.find((node) => node !== owner) ?? clusterNode
  const moved = yield* Effect.flip((yield* rc.node(stranger)).get("foo1"))
  yield* print(moved.reason._tag) // "MovedError"
})

const multiKey = Effect.fn(function*(rc: ClusterClientShape) {
  // rc.mset({'{foo}1': 'bar1', '{foo}2': 'bar2'})
  // rc.mget('{foo}1', '{foo}2')
  yield* rc.mset({ "{foo}1": "bar1", "{foo}2": "bar2" })
  yield* print(yield* rc.mget(["{foo}1", "{foo}2"])) // ["bar1","bar2"]
  // All keys have to be mapped to the same slot, otherwise a RedisClusterException will be thrown.
  const apart = yield* Effect.flip(rc.mget(["foo", "bar"]))
  yield* print(apart.reason._tag) // "CrossSlotError"
  // rc.mset_nonatomic({'foo': 'value1', 'bar': 'value2', 'zzz': 'value3'})
  // rc.mget_nonatomic('foo', 'bar', 'zzz')
  yield* rc.msetNonatomic({ foo: "value1", bar: "value2", zzz: "value3" })
  yield* print(yield* rc.mgetNonatomic(["foo", "bar", "zzz"])) // ["value1","value2","value3"]
})

/** Publishes again and again: nodes that are meeting each other, as above, lose messages on their way between nodes. */
const again = <E>(publish: Effect.Effect<number, E>) =>
  Effect.forever(Effect.andThen(publish, Effect.sleep("100 millis")))

const pubSub = Effect.fn(function*(rc: ClusterClientShape, port: number) {
  // p1 = rc.pubsub()
  // p1.subscribe('foo')
  const p1 = yield* rc.subscribeScoped("foo")
  const owner = yield* rc.ownerOf("foo")
  yield* print((yield* rc.heldSubscriptions).get(String(owner))) // 1
  // PUBLISH goes to the node of the channel's slot as well, which counts its subscribers.
  yield* print(yield* rc.publish("foo", "hello")) // 1
  yield* print((yield* Queue.take(p1)).payload) // "hello"

  // p2 = rc.pubsub(rc.get_node('localhost', 6379))
  const p2 = yield* (yield* rc.node({ host: "localhost", port })).subscribeScoped("foo")
  const message = yield* Effect.raceFirst(Queue.take(p2), again(rc.publish("foo", "to both")))
  yield* print([message.payload, message.node.port === port]) // ["to both",true]

  // Pattern subscribe and publish work here: servers hand messages to every node.
  const p3 = yield* rc.subscribeScoped({ patterns: "fo*" })
  const match = yield* Effect.raceFirst(Queue.take(p3), again(rc.publish("forest", "matched")))
  yield* print(match.payload) // "matched"
}, Effect.scoped)

const readOnly = Effect.fn(function*(port: number) {
  // Use 'debug' log level to print the node that the command is executed on
  // rc_readonly = Redis(startup_nodes=startup_nodes, read_from_replicas=True)
  const sent: Array<string> = []
  const logger = Logger.make(({ message }) => {
    const line = String(message)
    if (line.includes(" is sent to ")) sent.push(line)
  })
  const layer = ClusterClient.layer({
    nodes: { host: "localhost", port },
    readFrom: ReadFrom.roundRobin,
    logCommands: true
  }).pipe(
    Layer.provide(Logger.layer([logger])),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Debug"))
  )
  yield* Effect.gen(function*() {
    const rcReadonly = yield* ClusterClient
    // rc_readonly.set('{foo}1', 'bar1')
    yield* rcReadonly.set("{foo}1", "bar1")
    yield* settle
    // for i in range(0, 4):
    //     rc_readonly.get('{foo}1')
    sent.length = 0
    for (let i = 0; i < 4; i++) yield* rcReadonly.get("{foo}1")
    const shares = Map.groupBy(sent, (line) => line)
    yield* print([...shares.values()].map((lines) => lines.length)) // [2,2]
    // rc_readonly.set('{foo}2', 'bar2')
    yield* rcReadonly.set("{foo}2", "bar2")
    // rc_readonly.readwrite(target_nodes='replicas')
    // rc_readonly.get('{foo}1')
    yield* rcReadonly.readwrite
    sent.length = 0
    yield* rcReadonly.get("{foo}1")
    yield* print(sent[0] === `GET is sent to ${yield* rcReadonly.ownerOf("{foo}1")}`) // true
    // A replica answers MOVED by default.
    const replica = yield* rcReadonly.ownerOf("{foo}1", { replica: true })
    if (replica === undefined) return
    const answer = yield* Effect.result((yield* rcReadonly.node(replica)).get("{foo}1"))
    yield* print(Result.isFailure(answer) ? answer.failure.reason._tag : answer.success) // "MovedError"
  }).pipe(Effect.provide(layer))
})

const page = Effect.fn(function*(port: number) {
  yield* connecting(port)
  const rc = yield* ClusterClient.make({ nodes: { host: "localhost", port } })
  yield* rc.flushall()
  yield* executing(rc)
  yield* targets(rc, port)
  yield* direct(rc, port)
  yield* multiKey(rc)
  yield* pubSub(rc, port)
  yield* readOnly(port)
}, Effect.scoped)

const program = givenUrl === undefined
  ? Effect.flatMap(RedisCluster, ({ nodes }) => page(nodes[0].port)).pipe(
    Effect.provide(RedisCluster.layer({ primaries: 3, replicas: 1 }))
  )
  : page(Number(new URL(givenUrl).port))

program.pipe(NodeRuntime.runMain)
