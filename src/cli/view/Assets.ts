/** The files of the page, read once. Nothing else is ever served. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import { stripTypeScriptTypes } from "node:module"

export interface Asset {
  readonly type: string
  readonly text: string
}

const types: Readonly<Record<string, string | undefined>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".js": "text/javascript; charset=utf-8",
  ".ts": "text/javascript; charset=utf-8"
}

/** The folder of the page, beside the bundle of the command line or beside the folder of this source. */
const folder = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const own = import.meta.dirname
  const [beside, above] = [path.join(own, "page"), path.join(own, "..", "page")]
  return (yield* fileSystem.exists(beside)) ? beside : above
})

/** The files by the name under which the page asks for them. Sources are given without their types. */
export const load: Effect.Effect<
  ReadonlyMap<string, Asset>,
  PlatformError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const place = yield* folder
  const assets = new Map<string, Asset>()
  for (const file of yield* fileSystem.readDirectory(place)) {
    const ending = path.extname(file)
    const type = types[ending]
    if (type === undefined) continue
    const text = yield* fileSystem.readFileString(path.join(place, file))
    if (ending !== ".ts") assets.set(file, { type, text })
    else {
      const asset = { type, text: stripTypeScriptTypes(text) }
      assets.set(file, asset)
      assets.set(file.replace(/ts$/, "js"), asset)
    }
  }
  return assets
})
