/**
 * The page of `view`: whom it answers, what it never says, and what it shows in a browser while slots move and a primary
 * dies.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { request } from "node:http"
import { movesBetween } from "../../src/cli/page/Cluster.ts"
import { heatStep, middleOf, sector, sparkline, spread } from "../../src/cli/page/geometry.ts"
import { ShardColours } from "../../src/cli/page/ShardColours.ts"
import { Sampler } from "../../src/cli/sampler/Sampler.ts"
import { admit } from "../../src/cli/view/admission.ts"
import { serve } from "../../src/cli/view/ViewServer.ts"
import { ClusterClient } from "../../src/index.ts"
import * as Browser from "../harness/Browser.ts"
import * as MachineLag from "../harness/MachineLag.ts"
import { RedisCluster } from "../harness/RedisCluster.ts"
import * as Waiting from "../harness/Waiting.ts"
import { type Printed, runInto } from "./CommandLine.ts"

describe("The page's server", () => {
  const house = { port: 80, token: "abc" }
  const admitted = (method: string, url: string, host?: string) => admit({ method, url, host }, house)

  it("answers GET with its token, under the names of this machine", () => {
    for (const host of ["127.0.0.1:80", "LOCALHOST:80", "[::1]:80"]) {
      assert.deepStrictEqual(admitted("GET", "/abc/", host), { file: "page.html" })
    }
    assert.deepStrictEqual(admitted("GET", "/abc/page.css?x", "localhost:80"), { file: "page.css" })
  })

  it("refuses a name that was made to mean this machine, a wrong token, and every other method", () => {
    assert.deepStrictEqual(admitted("GET", "/abc/", "evil.example:80"), { status: 403 })
    assert.deepStrictEqual(admitted("GET", "/abc/", "127.0.0.1:81"), { status: 403 })
    assert.deepStrictEqual(admitted("GET", "/abc/"), { status: 403 })
    for (const url of ["/", "/abc", "/abd/", "/abcd/", "/abc/a/b", "//abc/", "/%61bc/"]) {
      assert.deepStrictEqual(admitted("GET", url, "localhost:80"), { status: 404 }, url)
    }
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
      assert.deepStrictEqual(admitted(method, "/abc/", "localhost:80"), { status: 405 })
    }
  })
})

describe("The shapes of the page", () => {
  it("draw a whole ring as two halves, and a sector as one", () => {
    assert.strictEqual(sector(0, 1, 1, 2).match(/M/g)?.length, 2)
    assert.strictEqual(sector(0, 0.25, 1, 2), "M0 -2A2 2 0 0 1 2 0L1 0A1 1 0 0 0 0 -1Z")
  })

  it("put nodes beside the longest range of their shard, and apart from one another", () => {
    assert.strictEqual(middleOf([{ start: 0, end: 0 }, { start: 4, end: 7 }], 16), 6 / 16)
    const angles = spread([0.5, 0.5, 0.9], 0.1)
    assert.closeTo(angles[1] - angles[0], 0.1, 1e-3)
    assert.strictEqual(angles[2], 0.9)
  })

  it("leave a gap in a line where a node did not answer", () => {
    const { last, line } = sparkline([1, 2, null, 2], { width: 3, height: 10, length: 4, top: 2 })
    assert.deepStrictEqual([line, last], ["M0 5L1 0M3 0", { x: 3, y: 0 }])
    assert.isUndefined(sparkline([1, null], { width: 3, height: 10, length: 4, top: 2 }).last)
  })

  it("have heat from none to most", () => {
    assert.deepStrictEqual([0, 1, 25, 100].map((value) => heatStep(value, 100, 9)), [0, 1, 4, 8])
  })

  it("keep the colour of a shard when its replica takes over, and give a new shard a free one", () => {
    const colours = new ShardColours()
    const shard = (primary: string, ...replicas: ReadonlyArray<string>) => ({ primary, replicas })
    assert.deepStrictEqual(colours.assign([shard("a", "b"), shard("c", "d")]), [0, 1])
    assert.deepStrictEqual(colours.assign([shard("d"), shard("b", "a")]), [1, 0])
    assert.deepStrictEqual(colours.assign([shard("e"), shard("b")]), [1, 0])
  })

  it("find the runs of slots that moved", () => {
    assert.deepStrictEqual(
      movesBetween(Uint16Array.of(1, 1, 1, 2, 2), Uint16Array.of(1, 2, 2, 2, 1)),
      [{ start: 1, end: 2, from: 1, to: 2 }, { start: 4, end: 4, from: 2, to: 1 }]
    )
  })
})

const password = "swordfish-swordfish"
const secretValue = "a-value-of-a-user"
const second = Duration.seconds(1)

const services = Layer.unwrap(
  Effect.map(Effect.service(RedisCluster), (cluster) =>
    Sampler.layer({ interval: second }).pipe(
      Layer.provideMerge(
        ClusterClient.layer({ nodes: cluster.seeds, password: Redacted.make(password) })
      )
    ))
).pipe(
  Layer.provideMerge(RedisCluster.layer({
    replicas: 1,
    nodeTimeout: 1000,
    password,
    options: ["--cluster-require-full-coverage", "no", "--slowlog-log-slower-than", "0"]
  })),
  Layer.provideMerge(NodeServices.layer)
)

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

/** Gets the beginning of a response: all of a file, and the first events of a stream. */
const get = (
  url: string,
  options: { readonly method?: string; readonly host?: string; readonly until?: string } = {}
) =>
  Effect.callback<Got>((resume) => {
    const { host, method = "GET", until } = options
    const sent = request(url, { method, ...(host === undefined ? {} : { headers: { host } }) }, (response) => {
      let body = ""
      const end = () => resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body }))
      response.setEncoding("utf8")
      response.on("data", (text: string) => {
        body += text
        if (until !== undefined && body.includes(until)) {
          end()
          response.destroy()
        }
      })
      response.on("end", end)
    })
    sent.end()
  })

/** The time until something was seen, beyond what the machine itself was late. */
const beyondLag = (millis: number, seen: ReadonlyArray<MachineLag.Lateness>): number =>
  millis - 2 * Math.max(0, ...seen.map(([, late]) => late))

layer(services, { excludeTestServices: true, timeout: 60_000 })("The page", (it) => {
  it.effect("has no password and no value of a user in any response, and says to browsers that it may load nothing else", () =>
    Effect.gen(function*() {
      const redis = yield* ClusterClient
      yield* redis.set("k", secretValue)
      const { url } = yield* serve({ port: 0, showsWords: false })
      const events = yield* get(`${url}events`, { until: "event: tick" })
      assert.include(events.body, "event: hello")
      assert.include(events.body, "\"slow\":[{")
      const files = yield* Effect.forEach(["", "page.js", "page.css", "icon.svg"], (file) => get(url + file))
      for (const { body, headers, status } of [events, ...files]) {
        assert.strictEqual(status, 200)
        assert.notInclude(body, password)
        assert.notInclude(body, secretValue)
        assert.include(headers["content-security-policy"], "default-src 'none'")
        assert.isUndefined(headers["access-control-allow-origin"])
      }
    }).pipe(Effect.scoped))

  it.effect("is refused to other names of the host, to other paths and to every method but GET", () =>
    Effect.gen(function*() {
      const { url } = yield* serve({ port: 0, showsWords: false })
      const status = (path: string, options?: Parameters<typeof get>[1]) =>
        Effect.map(get(new URL(path, url).href, options), (got) => got.status)
      assert.strictEqual(yield* status("", { host: "evil.example" }), 403)
      assert.strictEqual(yield* status("/"), 404)
      assert.strictEqual(yield* status("../page.css"), 404)
      assert.strictEqual(yield* status("nothing.js"), 404)
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) assert.strictEqual(yield* status("", { method }), 405)
    }).pipe(Effect.scoped))

  it.effect("is served by the command `view`, which ends at once with its pages open", () =>
    Effect.gen(function*() {
      const cluster = yield* RedisCluster
      const printed: Printed = { stdout: "", stderr: "", code: undefined }
      const running = yield* Effect.forkChild(
        runInto(printed, ["view", cluster.seeds[0]], { env: { REDIS_PASSWORD: password } })
      )
      yield* Waiting.until("the address is printed", () => printed.stdout.includes("\n"))
      const url = printed.stdout.trim()
      const { body } = yield* get(`${url}events`, { until: "event: hello" })
      assert.notInclude(body + printed.stderr, password)
      const open = yield* Effect.forkChild(get(`${url}events`))
      yield* Fiber.interrupt(running)
      yield* Fiber.interrupt(open)
      assert.strictEqual(printed.code, undefined)
    }))

  it.effect.skipIf(Browser.path === undefined)(
    `can be used by keyboard, on a phone and without motion, and has no errors${Browser.why}`,
    () =>
      Effect.gen(function*() {
        const { url } = yield* serve({ port: 0, showsWords: false })
        const browser = yield* Browser.launch
        for (const width of [1400, 1000, 390, 320]) {
          const { errors, page } = yield* Browser.open(browser, url, {
            viewport: { width, height: 800 },
            colorScheme: width > 500 ? "light" : "dark",
            reducedMotion: "reduce"
          })
          yield* Effect.promise(async () => {
            await page.locator("[data-node]").nth(5).waitFor()
            assert.isTrue(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${width}`)
            assert.strictEqual(
              await page.evaluate("getComputedStyle(document.querySelector('#state i')).animationName"),
              "none"
            )
            if (width !== 1400) return
            const reached = new Set<string>()
            for (let presses = 0; presses < 12; presses++) {
              await page.keyboard.press("Tab")
              reached.add(
                await page.evaluate(
                  "document.activeElement.dataset.node ?? document.activeElement.id ?? document.activeElement.className"
                )
              )
            }
            assert.isAtLeast([...reached].filter((name) => name.includes(":")).length, 6)
            const slider = page.getByRole("slider")
            await slider.focus()
            const slots = []
            for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "End", "ArrowDown", "Home"]) {
              await page.keyboard.press(key)
              slots.push(await slider.getAttribute("aria-valuenow"))
            }
            assert.deepStrictEqual(slots, ["16", "2064", "2048", "16368", "16368", "0"])
            assert.match(await slider.getAttribute("aria-valuetext") ?? "", /^Slots 0–15, shard 1/)
          })
          assert.deepStrictEqual(errors, [])
          yield* Effect.promise(() => page.context().close())
        }
      }).pipe(Effect.scoped)
  )

  it.effect.skipIf(Browser.path === undefined)(
    `shows a slot that moves, a primary that dies and its replica that takes over within a second${Browser.why}`,
    () =>
      Effect.gen(function*() {
        const cluster = yield* RedisCluster
        const redis = yield* ClusterClient
        const { url } = yield* serve({ port: 0, showsWords: false })
        const browser = yield* Browser.launch
        const { page } = yield* Browser.open(browser, url)
        yield* Effect.promise(() => page.locator("[data-node]").nth(5).waitFor())
        const lag = yield* MachineLag.make
        yield* lag.seen
        const seen = (selector: string) => Effect.forkChild(Effect.promise(() => Browser.seenAt(page, selector)))

        const slot = 16_000
        const shown = yield* seen(`.move[data-slots="${slot}"]`)
        const [target] = cluster.nodes
        yield* cluster.migrateSlot(slot, target)
        const moved = Date.now()
        const late = beyondLag((yield* Fiber.join(shown)) - moved, yield* lag.seen)
        assert.isBelow(late, 1000, "the slot")

        const [, victim] = cluster.nodes
        const [heir] = yield* cluster.replicasOf(victim)
        const address = (node: typeof victim) => `${node.host}:${node.port}`
        const dead = yield* seen(`[data-node="${address(victim)}"][data-state="silent"]`)
        const promoted = yield* seen(`[data-node="${address(heir)}"][data-role="primary"]`)
        const line = yield* seen("#log [data-kind=\"Promoted\"]")
        const known = yield* Effect.forkChild(
          Stream.runHead(Stream.filter(redis.events, ({ _tag }) => _tag === "NodeDown")).pipe(
            Effect.map(() => Date.now())
          )
        )
        yield* cluster.kill(victim)
        const died = beyondLag((yield* Fiber.join(dead)) - (yield* Fiber.join(known)), yield* lag.seen)
        assert.isBelow(died, 1000, "the dead primary")
        const isPrimary = Effect.map(
          cluster.command(heir, "ROLE"),
          (role) => Array.isArray(role) && role[0] === "master"
        )
        while (!(yield* isPrimary)) yield* Effect.sleep(10)
        const elected = Date.now()
        const taken = beyondLag(
          Math.max(yield* Fiber.join(promoted), yield* Fiber.join(line)) - elected,
          yield* lag.seen
        )
        assert.isBelow(taken, 1000, "the new primary")
      }).pipe(Effect.scoped)
  )
})
