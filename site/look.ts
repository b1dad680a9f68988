/**
 * Looks at the built site with a headless Chromium: the front page, a page of commands and the search, in light and dark,
 * wide and narrow. The pictures are left in `.cache/site/pictures`.
 *
 * The browser is the one in `CHROMIUM`, or one of the usual names on `PATH`. Without a browser nothing is looked at, and
 * the reason is printed. Nothing may be loaded from elsewhere: each such request is a failure.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs"
import { createServer } from "node:http"
import { delimiter, extname, join, normalize } from "node:path"
import { fileURLToPath } from "node:url"
import { type Browser, chromium } from "playwright-core"

const dist = fileURLToPath(new URL("dist", import.meta.url))
const pictures = fileURLToPath(new URL("../.cache/site/pictures", import.meta.url))
const base = process.env["SITE_BASE"] ?? "/"

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2"
}

/** Serves the site as a plain static host does. */
const serve = async () => {
  const server = createServer(({ url = "/" }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://site").pathname)).slice(base.length)
    const file = [path, join(path, "index.html")].map((name) => join(dist, name)).find((name) =>
      extname(name) !== "" && existsSync(name)
    )
    if (file === undefined) response.writeHead(404).end()
    else {response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(
        readFileSync(file)
      )}
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" ? address?.port : undefined
  return { origin: `http://127.0.0.1:${port}`, close: () => server.close() }
}

const findBrowser = (): string | undefined => {
  const given = process.env["CHROMIUM"]
  if (given) return given
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
  return (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file))
}

/** Looks at the pages in one colour and one width. */
const lookAs = async (
  browser: Browser,
  origin: string,
  colorScheme: "light" | "dark",
  width: number
): Promise<ReadonlyArray<string>> => {
  const failures: Array<string> = []
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
  const page = await context.newPage()
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) {
      failures.push(`the page asks for ${request.url()}`)
    }
  })
  page.on("response", (response) => {
    if (response.status() >= 400) failures.push(`${response.url()} is answered ${response.status()}`)
  })
  page.on("pageerror", (error) => failures.push(`${page.url()}: ${error.message}`))
  const take = (name: string) => page.screenshot({ path: join(pictures, `${name}-${colorScheme}-${width}.png`) })
  const expect = async (what: string, holds: Promise<boolean>) => {
    if (!await holds) failures.push(`${page.url()} (${colorScheme}, ${width} pixels wide): ${what}`)
  }
  const fits = () => page.evaluate("document.documentElement.scrollWidth <= innerWidth") as Promise<boolean>
  const isDark = () => page.evaluate("document.documentElement.classList.contains('dark')") as Promise<boolean>

  await page.goto(`${origin}${base}`, { waitUntil: "networkidle" })
  await expect(
    "it has the name of the project",
    page.locator("h1").first().innerText().then((text) => text.includes("effect-redis-cluster"))
  )
  await expect("one of the two pictures is shown", page.locator(`img.only-${colorScheme}`).first().isVisible())
  await expect(
    "the other picture is hidden",
    page.locator(`img.only-${colorScheme === "dark" ? "light" : "dark"}`).first().isHidden()
  )
  await expect("it follows the colours of the system", isDark().then((dark) => dark === (colorScheme === "dark")))
  await expect("it fits the window", fits())
  await take("front")

  await page.goto(`${origin}${base}commands/strings.html`, { waitUntil: "networkidle" })
  await expect("it shows GETEX", page.locator("#getex").isVisible())
  await expect("it fits the window", fits())
  await page.locator("#getex").scrollIntoViewIfNeeded()
  await take("commands")

  await page.goto(`${origin}${base}recipes.html`, { waitUntil: "networkidle" })
  await expect("it fits the window", fits())
  await take("recipes")

  await page.locator("#local-search button").first().click()
  await page.locator("input.search-input").fill("dead letters")
  const results = page.locator(".VPLocalSearchBox .result")
  await results.first().waitFor({ timeout: 20_000 }).catch(() => undefined)
  await expect(
    "the search finds the recipe of the dead letters",
    results.first().innerText().then((text) => /stream/i.test(text))
  )
  await take("search")
  await context.close()
  return failures
}

/** The failures of the built site, a sentence each. */
export const look = async (): Promise<ReadonlyArray<string>> => {
  const executablePath = findBrowser()
  if (executablePath === undefined) {
    console.log("skipped: there is no Chromium in CHROMIUM or on PATH, so that no browser looks at the site")
    return []
  }
  mkdirSync(pictures, { recursive: true })
  const { close, origin } = await serve()
  // Chromium's own sandbox is not to be had as root, which containers run as; the pages are our own.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
  try {
    const failures: Array<string> = []
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [1280, 390]) failures.push(...await lookAs(browser, origin, scheme, width))
    }
    return failures
  } finally {
    await browser.close()
    close()
  }
}
