/**
 * The common part of the examples: a client of the cluster in `REDIS_CLUSTER_URL`, or of a cluster that is started for
 * the example and ends with it. A program of your own has `ClusterClient.layer({ nodes: [...] })` in its place.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ClusterClient, type ClusterOptions, type RedisClusterException } from "../src/index.ts"
import type { HarnessError } from "../test/harness/HarnessError.ts"
import { RedisCluster, type RedisClusterOptions } from "../test/harness/RedisCluster.ts"

/** The URL of a cluster to use instead of a new one. */
export const givenUrl: string | undefined = process.env["REDIS_CLUSTER_URL"] || undefined

/** A client of a cluster that was started for the purpose. */
export const clientOf = (
  options?: Omit<ClusterOptions, "nodes">
): Layer.Layer<ClusterClient, RedisClusterException, RedisCluster> =>
  Layer.unwrap(
    Effect.map(RedisCluster, (cluster) => ClusterClient.layer({ ...options, nodes: cluster.seeds }))
  )

/** A client, and a cluster for it when `REDIS_CLUSTER_URL` is not set. */
export const exampleClient = (
  options?: RedisClusterOptions
): Layer.Layer<ClusterClient, RedisClusterException | HarnessError> =>
  givenUrl === undefined
    ? Layer.provide(clientOf(), RedisCluster.layer(options))
    : ClusterClient.layer({ nodes: givenUrl })
