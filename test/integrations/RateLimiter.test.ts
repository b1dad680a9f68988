import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as CircuitBreaker from "effect/persistence/CircuitBreaker"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as HashSlot from "../../src/cluster/HashSlot.ts"
import { ClusterClient } from "../../src/ClusterClient.ts"
import * as RateLimiterRedis from "../../src/integrations/RateLimiterRedis.ts"
import * as ClusterRedis from "../../src/integrations/Redis.ts"
import { range } from "../harness/range.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import { describeOnEach } from "../testing/describeOnEach.ts"
import { flush, moveAway, service, services } from "./services.ts"

const limiter = service(RateLimiter.RateLimiter, RateLimiterRedis.layer())

describeOnEach("A RateLimiter on a cluster, on $name", (environment) => {
  layer(environment.layer({ replicas: 1 }), { excludeTestServices: true })((it) => {
    for (const algorithm of ["fixed-window", "token-bucket"] as const) {
      it.effect(`${algorithm}: lets as many through as the limit says, for each of many keys, and refuses the next`, () =>
        Effect.gen(function*() {
          yield* flush
          const { consume } = yield* limiter
          const keys = ["", "}", "{a}", "a{b", "%", ...range(15).map((index) => `user:${index}`)]
          yield* Effect.forEach(keys, (key) =>
            Effect.gen(function*() {
              const take = consume({ algorithm, key, limit: 2, window: "1 minute", onExceeded: "fail" })
              assert.strictEqual((yield* take).remaining, 1)
              assert.strictEqual((yield* take).remaining, 0)
              const { reason } = yield* Effect.flip(take)
              assert.strictEqual(reason._tag, "RateLimitExceeded")
              if (reason._tag === "RateLimitExceeded") {
                assert.isAbove(Duration.toMillis(reason.retryAfter), 0)
              }
            }), { concurrency: "unbounded" })
        }))

      it.effect(`${algorithm}: tells how long to wait when it is to wait`, () =>
        Effect.gen(function*() {
          yield* flush
          const { consume } = yield* limiter
          const take = consume({ algorithm, key: "slow", limit: 1, window: "1 minute", onExceeded: "delay" })
          assert.isTrue(Duration.isZero((yield* take).delay))
          const { delay } = yield* take
          assert.isAbove(Duration.toMillis(delay), 1000)
          assert.isAtMost(Duration.toMillis(delay), 60_000)
        }))
    }

    it.effect("never lets more through than the limit, whoever asks at once", () =>
      Effect.gen(function*() {
        yield* flush
        const clients = yield* Effect.forEach(range(3), () => limiter)
        const take = ({ consume }: RateLimiter.RateLimiter) =>
          Effect.result(
            consume({ algorithm: "token-bucket", key: "shared", limit: 20, window: "10 minutes", onExceeded: "fail" })
          )
        const results = yield* Effect.forEach(range(90), (index) => take(clients[index % 3]), {
          concurrency: "unbounded"
        })
        assert.strictEqual(results.filter(({ _tag }) => _tag === "Success").length, 20)
      }))

    it.effect("learns a limit from what the other side says", () =>
      Effect.gen(function*() {
        yield* flush
        const { adaptiveConsume, adaptiveFeedback } = yield* limiter
        const consume = adaptiveConsume({
          key: "api",
          tokens: 1,
          fallbackLimit: 10,
          fallbackWindow: Duration.seconds(10)
        })
        const first = yield* consume
        assert.isTrue(Duration.isZero(first.delay))
        yield* adaptiveFeedback({
          key: "api",
          epoch: first.epoch,
          tokens: 1,
          status: 429,
          retryAfter: Duration.seconds(30)
        })
        const second = yield* consume
        assert.isAbove(Duration.toMillis(second.delay), 20_000)
        assert.notStrictEqual(second.phase, first.phase)
      }))

    it.effect("spreads its keys over the slots, and holds what belongs to one together", () =>
      Effect.gen(function*() {
        yield* flush
        const context = yield* services(RateLimiterRedis.layer({ prefix: "rl:" }))
        const { consume } = Context.get(context, RateLimiter.RateLimiter)
        yield* Effect.forEach(range(30), (index) =>
          consume({ algorithm: "token-bucket", key: `k${index}`, limit: 5, window: "1 minute" }))
        const keys = yield* Context.get(context, ClusterClient).keys("*")
        assert.strictEqual(keys.length, 60)
        assert.isTrue(keys.every((key) =>
          /^rl:\{k\d+\}(:refill)?$/.test(key)
        ))
        assert.strictEqual(
          new Set(keys.map(HashSlot.ofKey)).size,
          new Set(range(30).map((i) => HashSlot.ofKey(`k${i}`))).size
        )
      }))

    it.effect("refuses a prefix with a brace, which would take the tag's place", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(service(RateLimiter.RateLimiter, RateLimiterRedis.layer({ prefix: "{}" })))
        assert.strictEqual((error as { reason?: { _tag: string } }).reason?._tag, "OptionsError")
      }))

    it.effect("counts on while a slot moves and its primary fails over", () =>
      Effect.gen(function*() {
        yield* flush
        const cluster = yield* RedisCluster
        const { consume } = yield* limiter
        const slot = HashSlot.ofKey("moved")
        const take = consume({
          algorithm: "token-bucket",
          key: "moved",
          limit: 100_000,
          window: "100000 minutes",
          onExceeded: "fail"
        })
        let running = true
        let taken = 0
        const busy = yield* Effect.forkChild(Effect.gen(function*() {
          for (; running; taken++) assert.isAtMost((yield* take).remaining, 100_000)
        }))
        const { target } = yield* moveAway(slot)
        const [replica] = yield* cluster.replicasOf(target)
        yield* cluster.failover(replica)
        running = false
        yield* Fiber.join(busy)
        const { remaining } = yield* take
        // A token comes back in a minute, so that at most a few are missing.
        assert.isAtMost(Math.abs(100_000 - remaining - (taken + 1)), 5)
      }))
  })
})

describeOnEach("Effect's own stores over its Redis on a cluster, on $name", (environment) => {
  layer(environment.layer(), { excludeTestServices: true })((it) => {
    it.effect("a circuit breaker opens for all, counts for each key, and closes after a probe", () =>
      Effect.gen(function*() {
        yield* flush
        const store = Layer.provide(CircuitBreaker.layerStoreRedis(), ClusterRedis.layer())
        const [one, other] = yield* Effect.forEach(
          range(2),
          () =>
            Effect.flatMap(services(store), (context) =>
              Effect.provide(
                CircuitBreaker.make({
                  tripPolicy: CircuitBreaker.consecutive(2),
                  openDuration: "500 millis",
                  onStoreError: "fail"
                }),
                context
              ))
        )
        const broken = (breaker: CircuitBreaker.CircuitBreaker, key: string) =>
          Effect.flip(breaker.execute(Effect.fail("down"), { key }))
        for (const key of range(6).map((index) => `api:${index}`)) {
          assert.strictEqual(yield* broken(one, key), "down")
          assert.strictEqual(yield* broken(other, key), "down")
          const refused = yield* broken(one, key)
          assert.strictEqual((refused as CircuitBreaker.CircuitBreakerError).reason._tag, "CircuitOpen")
          assert.strictEqual((yield* other.state(key))._tag, "Open")
        }
        yield* Effect.sleep("700 millis")
        assert.strictEqual(yield* other.execute(Effect.succeed("up"), { key: "api:0" }), "up")
        assert.strictEqual((yield* one.state("api:0"))._tag, "Closed")
      }))

    it.effect("a token bucket needs a braced key, and is told so", () =>
      Effect.gen(function*() {
        yield* flush
        const rateLimiter = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreRedis())
        const { consume } = yield* service(RateLimiter.RateLimiter, Layer.provide(rateLimiter, ClusterRedis.layer()))
        const take = (key: string) => consume({ algorithm: "token-bucket", key, limit: 2, window: "1 minute" })
        assert.strictEqual((yield* take("{user:42}")).remaining, 1)
        const { reason } = yield* Effect.flip(take("user:42"))
        assert.strictEqual(reason._tag, "RateLimitStoreError")
        if (reason._tag === "RateLimitStoreError") {
          assert.include(String((reason.cause as { cause?: unknown }).cause), "{user:42}")
        }
      }))
  })
})
