/**
 * Commands whose replies no rule merges: a map by node on the cluster, the plain result on one. Compiled, not run.
 */
import type * as Effect from "effect/Effect"
import { expectTypeOf } from "vitest"
import type { DedicatedClient } from "../../src/client/Dedicated.ts"
import type { NodeClient } from "../../src/client/Targets.ts"
import type { ClusterClientShape } from "../../src/ClusterClient.ts"
import type * as Command from "../../src/commands/Command.ts"
import { Server } from "../../src/commands/Server.ts"
import { Strings } from "../../src/commands/Strings.ts"
import * as ReadFrom from "../../src/ReadFrom.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"
import type { ClusterNode } from "../../src/topology/ClusterNode.ts"

declare const redis: ClusterClientShape
declare const node: NodeClient
declare const own: DedicatedClient
type Failing<A> = Effect.Effect<A, RedisClusterException>

expectTypeOf(Server.info()).toEqualTypeOf<Command.PerNodeCommand<string>>()
expectTypeOf(Server.info()).toExtend<Command.Command<string>>()
expectTypeOf(redis.execute(Server.info())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(redis.execute(Server.info())).toEqualTypeOf(redis.info())
expectTypeOf(redis.readFrom(ReadFrom.replica).execute(Server.info())).toEqualTypeOf(redis.info())
expectTypeOf(redis.on("all").execute(Server.info())).toEqualTypeOf<Failing<ReadonlyMap<ClusterNode, string>>>()
expectTypeOf(node.execute(Server.info())).toEqualTypeOf<Failing<string>>()
expectTypeOf(own.execute(Server.info())).toEqualTypeOf<Failing<string>>()
expectTypeOf(redis.execute(Strings.get("k"))).toEqualTypeOf<Failing<string | null>>()
