/**
 * The requirements and errors of the layers over Effect's services, judged by the compiler.
 */
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import type * as Persistable from "effect/persistence/Persistable"
import type * as PersistedCache from "effect/persistence/PersistedCache"
import type * as PersistedQueue from "effect/persistence/PersistedQueue"
import type * as Persistence from "effect/persistence/Persistence"
import type * as RateLimiter from "effect/persistence/RateLimiter"
import type { Redis } from "effect/persistence/Redis"
import type * as Scope from "effect/Scope"
import type { ClusterClient } from "../../src/ClusterClient.ts"
import * as KeyValueStoreRedis from "../../src/integrations/KeyValueStoreRedis.ts"
import * as PersistedCacheRedis from "../../src/integrations/PersistedCacheRedis.ts"
import * as PersistedQueueRedis from "../../src/integrations/PersistedQueueRedis.ts"
import * as PersistenceRedis from "../../src/integrations/PersistenceRedis.ts"
import * as RateLimiterRedis from "../../src/integrations/RateLimiterRedis.ts"
import * as ClusterRedis from "../../src/integrations/Redis.ts"
import type { RedisClusterException } from "../../src/RedisClusterException.ts"

/** A cluster client is all they need. Layers with options to refuse can fail. */
ClusterRedis.layer() satisfies Layer.Layer<Redis, never, ClusterClient>
PersistenceRedis.layer satisfies Layer.Layer<Persistence.Persistence, never, ClusterClient>
PersistenceRedis.layerBacking satisfies Layer.Layer<Persistence.BackingPersistence, never, ClusterClient>
PersistedQueueRedis.layer() satisfies Layer.Layer<
  PersistedQueue.PersistedQueueFactory,
  RedisClusterException,
  ClusterClient
>
RateLimiterRedis.layer() satisfies Layer.Layer<RateLimiter.RateLimiter, RedisClusterException, ClusterClient>
KeyValueStoreRedis.layer() satisfies Layer.Layer<KeyValueStore.KeyValueStore, RedisClusterException, ClusterClient>

// @ts-expect-error Redis counts seconds where Effect counts milliseconds: a bare number is refused
KeyValueStoreRedis.layer({ ttl: 1000 })

// @ts-expect-error there is no such option
PersistedQueueRedis.layer({ prefixx: "queue:" })

/** The errors of a cache are those of Effect's own: the lock adds none. */
declare const lookup: (key: Persistable.Any) => Effect.Effect<unknown, unknown>
PersistedCacheRedis.make(lookup, { storeId: "store", timeToLive: () => "1 hour" }) satisfies Effect.Effect<
  PersistedCache.PersistedCache<Persistable.Any>,
  never,
  ClusterClient | Persistence.Persistence | Scope.Scope
>
