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
import { Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

declare const redis: ClusterClientShape
declare const node: NodeClient
declare const own: DedicatedClient
type Failing<A> = Effect.Effect<A, RedisClusterException>

expectTypeOf(Server.info()).toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(Server.info()).toExtend<Command.Command<string>>()
expectTypeOf(redis.execute(Server.info())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(redis.info()).toEqualTypeOf<Command.PerNodeCall<string>>()
expectTypeOf(redis.info()).toExtend<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(redis.readFrom(ReadFrom.replica).execute(Server.info())).toEqualTypeOf<
  Failing<ReadonlyMap<ClusterNode, string>>
>()
expectTypeOf(redis.on("all").execute(Server.info())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(node.execute(Server.info())).toEqualTypeOf<Failing<string>>()
expectTypeOf(own.execute(Server.info())).toEqualTypeOf<Failing<string>>()
expectTypeOf(redis.execute(Strings.get("k"))).toEqualTypeOf<Failing<string | null>>()

// A transformed one still answers per node: the transformation is that of each node's reply.
type PerNode<A> = Failing<ReadonlyMap<ClusterNode, A>>
const length = (text: string) => text.length
expectTypeOf(Command.map(Server.info(), length)).toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Server.info().pipe(Command.map((text) => text.length))).toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Server.info().pipe(Command.map((text) => text.length), Command.map((n) => `${n}`)))
  .toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(Command.schema(Schema.NumberFromString)(Server.info())).toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Server.info().pipe(Command.schema(Schema.NumberFromString)))
  .toEqualTypeOf<Command.PerNodeCommand<number>>()
expectTypeOf(Command.bytes(Server.info())).toEqualTypeOf<Command.PerNodeCommand<Uint8Array>>()
expectTypeOf(Server.info().pipe(Command.bytes)).toEqualTypeOf<Command.PerNodeCommand<Uint8Array>>()
expectTypeOf(Server.info().pipe(Command.idempotent, Command.timeout("1 second")))
  .toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(redis.execute(Command.map(Server.info(), length))).toEqualTypeOf<PerNode<number>>()
expectTypeOf(redis.execute(Server.info().pipe(Command.bytes))).toEqualTypeOf<PerNode<Uint8Array>>()
expectTypeOf(redis.on("all").execute(Command.map(Server.info(), length))).toEqualTypeOf<PerNode<number>>()
expectTypeOf(node.execute(Command.map(Server.info(), length))).toEqualTypeOf<Failing<number>>()
expectTypeOf(own.execute(Command.map(Server.info(), length))).toEqualTypeOf<Failing<number>>()

// A command that answers as a whole does not become one per node, neither where its result is known nor where it is
// any.
expectTypeOf(Strings.get("k").pipe(Command.map((text) => text?.length)))
  .toEqualTypeOf<Command.Command<number | undefined>>()
expectTypeOf(Strings.strlen("k").pipe(Command.bigint, Command.idempotent)).toEqualTypeOf<Command.Command<bigint>>()
export const boxed = <A>(command: Command.Command<A>): Command.Command<{ readonly value: A }> =>
  Command.map(command, (value) => ({ value }))
