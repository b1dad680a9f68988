/**
 * Commands whose replies no rule merges: a map by node on the cluster, the plain result on one. Compiled, not run.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { expectTypeOf } from "vitest"
import type { DedicatedClient } from "../../src/client/Dedicated.ts"
import type { NodeClient } from "../../src/client/Targets.ts"
import type { ClusterNode } from "../../src/cluster/ClusterNode.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import * as Command from "../../src/commands/Command.ts"
import { type InfoMemory, type InfoServer, Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const node: NodeClient
declare const own: DedicatedClient
type Failing<A> = Effect.Effect<A, RedisClusterException>

expectTypeOf(Server.latencyDoctor()).toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(Server.latencyDoctor()).toExtend<Command.Command<string>>()
expectTypeOf(redis.execute(Server.latencyDoctor())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(redis.latencyDoctor()).toEqualTypeOf<Command.PerNodeCall<string>>()
expectTypeOf(redis.latencyDoctor()).toExtend<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(redis.readFrom(ReadFrom.replica).execute(Server.latencyDoctor())).toEqualTypeOf<
  Failing<ReadonlyMap<ClusterNode, string>>
>()
expectTypeOf(redis.on("all").execute(Server.latencyDoctor())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(node.execute(Server.latencyDoctor())).toEqualTypeOf<Failing<string>>()
expectTypeOf(own.execute(Server.latencyDoctor())).toEqualTypeOf<Failing<string>>()
expectTypeOf(redis.execute(Strings.get("k"))).toEqualTypeOf<Failing<string | null>>()

// A transformed one still answers per node: the transformation is that of each node's reply.
type PerNode<A> = Failing<ReadonlyMap<ClusterNode, A>>
const length = (text: string) => text.length
expectTypeOf(Command.map(Server.latencyDoctor(), length)).toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Server.latencyDoctor().pipe(Command.map((text) => text.length))).toEqualTypeOf<
  Command.PerNodeCommand<number>
>()
expectTypeOf(Server.latencyDoctor().pipe(Command.map((text) => text.length), Command.map((n) => `${n}`)))
  .toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(Command.schema(Schema.NumberFromString)(Server.latencyDoctor())).toEqualTypeOf<
  Command.PerNodeCommand<number>
>()
expectTypeOf(Server.latencyDoctor().pipe(Command.schema(Schema.NumberFromString)))
  .toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Command.bytes(Server.latencyDoctor())).toEqualTypeOf<Command.PerNodeCommand<Uint8Array>>()
expectTypeOf(Server.latencyDoctor().pipe(Command.bytes)).toEqualTypeOf<Command.PerNodeCommand<Uint8Array>>()
expectTypeOf(Server.latencyDoctor().pipe(Command.idempotent, Command.timeout("1 second")))
  .toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(redis.execute(Command.map(Server.latencyDoctor(), length))).toEqualTypeOf<PerNode<number>>()
expectTypeOf(redis.execute(Server.latencyDoctor().pipe(Command.bytes))).toEqualTypeOf<PerNode<Uint8Array>>()
expectTypeOf(redis.on("all").execute(Command.map(Server.latencyDoctor(), length))).toEqualTypeOf<PerNode<number>>()
expectTypeOf(node.execute(Command.map(Server.latencyDoctor(), length))).toEqualTypeOf<Failing<number>>()
expectTypeOf(own.execute(Command.map(Server.latencyDoctor(), length))).toEqualTypeOf<Failing<number>>()

// A command that answers as a whole does not become one per node, neither where its result is known nor where it is
// any.
expectTypeOf(Strings.get("k").pipe(Command.map((text) => text?.length)))
  .toEqualTypeOf<Command.Command<number | undefined>>()
expectTypeOf(Strings.strlen("k").pipe(Command.bigint, Command.idempotent)).toEqualTypeOf<Command.Command<bigint>>()
export const boxed = <A>(command: Command.Command<A>): Command.Command<{ readonly value: A }> =>
  Command.map(command, (value) => ({ value }))

// The sections that a call of `info` names are there.
expectTypeOf(node.info("memory")).toExtend<
  Failing<{ readonly memory: InfoMemory; readonly server: InfoServer | undefined }>
>()
expectTypeOf(node.info("memory")).not.toExtend<Failing<{ readonly server: InfoServer }>>()
expectTypeOf(node.info(["server", "memory"])).toExtend<
  Failing<{ readonly memory: InfoMemory; readonly server: InfoServer }>
>()
expectTypeOf(node.info()).toExtend<Failing<{ readonly memory: InfoMemory; readonly server: InfoServer }>>()
expectTypeOf(node.info()).not.toExtend<Failing<{ readonly commandstats: object }>>()
expectTypeOf(node.info("everything")).toExtend<Failing<{ readonly commandstats: object }>>()
expectTypeOf(node.info("search_index" as string)).not.toExtend<Failing<{ readonly memory: InfoMemory }>>()
expectTypeOf(node.info("memory", { raw: true })).toEqualTypeOf<Failing<string>>()
expectTypeOf(redis.info("memory", { raw: true })).toEqualTypeOf<Command.PerNodeCall<string>>()
expectTypeOf(node.clusterNodes({ raw: true })).toEqualTypeOf<Failing<string>>()
expectTypeOf(node.clientList({ type: "normal", raw: true })).toEqualTypeOf<Failing<string>>()
