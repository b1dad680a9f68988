/** A headless Chromium: the one in `CHROMIUM`, or one of the usual names on PATH. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]

/** The path of the browser; `undefined` where there is none. */
export const path: string | undefined = process.env["CHROMIUM"] ||
  (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file))

/** The end of the name of tests that need a browser. */
export const why: string = path === undefined ? " (skipped: there is no Chromium in CHROMIUM or on PATH)" : ""

/** A browser that ends with the scope. */
export const launch: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    // Chromium's own sandbox is not to be had as root, which containers run as; the pages are our own.
    chromium.launch({ ...(path === undefined ? {} : { executablePath: path }), args: ["--no-sandbox"] })
  ),
  (browser) => Effect.promise(() => browser.close())
)

/** A page, and the errors that it has had. */
export const open = (browser: Browser, url: string, options?: BrowserContextOptions) =>
  Effect.promise(async (): Promise<{ readonly page: Page; readonly errors: ReadonlyArray<string> }> => {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const errors: Array<string> = []
    page.on("pageerror", ({ message }) => errors.push(message))
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text())
    })
    page.on("request", (request) => {
      if (!request.url().startsWith(url)) errors.push(`it asks for ${request.url()}`)
    })
    await page.goto(url)
    return { page, errors }
  })

/** The time, in milliseconds since 1970, at which the page has an element for the selector. */
export const seenAt = (page: Page, selector: string): Promise<number> =>
  page.evaluate(`new Promise((resolve) => {
    const look = () => document.querySelector(${
    JSON.stringify(selector)
  }) ? resolve(Date.now()) : requestAnimationFrame(look)
    look()
  })`)
