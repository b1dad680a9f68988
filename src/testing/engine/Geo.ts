/**
 * Places on the earth: members of a sorted set whose scores are 52 bits of interleaved coordinates, as on a server.
 */
import { type Answer, Double, failure, nullArray } from "./Answer.ts"
import type { Bytes } from "./Bytes.ts"
import { type Call, type Group, read, write } from "./Call.ts"
import { type Scored, SortedSet } from "./SortedSet.ts"

interface Place {
  readonly longitude: number
  readonly latitude: number
}

const latitudeLimit = 85.05112878
const earthRadius = 6372797.560856
const step = 26

const spread = (value: number): bigint => {
  let result = 0n
  for (let bit = 0; bit < step; bit++) if (Math.floor(value / 2 ** bit) % 2 === 1) result |= 1n << BigInt(bit * 2)
  return result
}

const cell = (value: number, limit: number): number => Math.floor(((value + limit) / (limit * 2)) * 2 ** step)

const encode = ({ latitude, longitude }: Place, limit = latitudeLimit): bigint =>
  spread(cell(latitude, limit)) | (spread(cell(longitude, 180)) << 1n)

const gather = (bits: bigint): number => {
  let result = 0
  for (let bit = 0; bit < step; bit++) if ((bits >> BigInt(bit * 2)) & 1n) result += 2 ** bit
  return result
}

/** The place in the middle of a cell. */
const decode = (score: number): Place => {
  const bits = BigInt(Number.isFinite(score) ? Math.trunc(score) : 0)
  const middle = (index: number, limit: number) => {
    const low = -limit + (index / 2 ** step) * (limit * 2)
    const high = -limit + ((index + 1) / 2 ** step) * (limit * 2)
    return Math.min(limit, Math.max(-limit, (low + high) / 2))
  }
  return { latitude: middle(gather(bits), latitudeLimit), longitude: middle(gather(bits >> 1n), 180) }
}

const radians = (degrees: number): number => degrees * (Math.PI / 180)

const latitudeDistance = (one: number, other: number): number => earthRadius * Math.abs(radians(other) - radians(one))

const distance = (one: Place, other: Place): number => {
  const v = Math.sin((radians(other.longitude) - radians(one.longitude)) / 2)
  if (v === 0) return latitudeDistance(one.latitude, other.latitude)
  const [a, b] = [radians(one.latitude), radians(other.latitude)]
  const u = Math.sin((b - a) / 2)
  return 2 * earthRadius * Math.asin(Math.sqrt(u * u + Math.cos(a) * Math.cos(b) * v * v))
}

const units: Readonly<Record<string, number | undefined>> = { M: 1, KM: 1000, FT: 0.3048, MI: 1609.34 }

const unitAt = (call: Call, index: number): number => {
  const unit = units[call.word(index)]
  if (unit === undefined) call.refuse("ERR unsupported unit provided. please use M, KM, FT, MI")
  return unit ?? 1
}

const placeAt = (call: Call, index: number): Place => {
  const longitude = call.float(index)
  const latitude = call.float(index + 1)
  const isOnMap = Math.abs(longitude) <= 180 && Math.abs(latitude) <= latitudeLimit
  if (!call.failed && !isOnMap) {
    call.refuse(`ERR invalid longitude,latitude pair ${longitude.toFixed(6)},${latitude.toFixed(6)}`)
  }
  return { longitude, latitude }
}

const coordinates = ({ latitude, longitude }: Place): Answer => [
  new Double(longitude),
  new Double(latitude)
]

const geoadd = (call: Call): Answer => {
  const key = call.args[1]
  const flags = new Set<string>()
  let at = 2
  for (; ["NX", "XX", "CH"].includes(call.word(at)); at++) flags.add(call.word(at))
  if ((call.args.length - at) % 3 !== 0 || at === call.args.length || (flags.has("NX") && flags.has("XX"))) {
    return call.syntax()
  }
  const entries: Array<Scored> = []
  for (let i = at; i < call.args.length && !call.failed; i += 3) {
    const place = placeAt(call, i)
    if (!call.failed) entries.push([call.args[i + 2], Number(encode(place))])
  }
  const found = call.failed ? undefined : call.find("zset", key)
  if (call.failed || (found === undefined && flags.has("XX"))) return 0
  const zset = found ?? new SortedSet()
  let [added, updated] = [0, 0]
  for (const [member, score] of entries) {
    const old = zset.score(member)
    if (old === score || (old === undefined ? flags.has("XX") : flags.has("NX"))) continue
    if (old === undefined) added++
    else updated++
    zset.set(member, score)
  }
  if (added + updated > 0) {
    if (found === undefined) call.db.set(key, { type: "zset", value: zset })
    call.touch(key, "zadd", "z")
  }
  return flags.has("CH") ? added + updated : added
}

const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

/** The standard geohash, which covers the whole globe. */
const geohash = (score: number): Bytes => {
  const bits = encode(decode(score), 90)
  let text = ""
  for (let i = 0; i < 11; i++) text += alphabet[i === 10 ? 0 : Number((bits >> BigInt(52 - (i + 1) * 5)) & 31n)]
  return text
}

const scoresOf = (call: Call): ReadonlyArray<number | undefined> => {
  const zset = call.find("zset", call.args[1])
  return call.every(2).map((member) => zset?.score(member))
}

const geodist = (call: Call): Answer => {
  if (call.args.length > 5) return call.syntax()
  const unit = call.args.length === 5 ? unitAt(call, 4) : 1
  const zset = call.failed ? undefined : call.find("zset", call.args[1])
  const one = zset?.score(call.args[2])
  const other = zset?.score(call.args[3])
  if (call.failed || one === undefined || other === undefined) return null
  return (distance(decode(one), decode(other)) / unit).toFixed(4)
}

interface Hit {
  readonly member: Bytes
  readonly score: number
  readonly place: Place
  readonly meters: number
}

interface Search {
  readonly hits: ReadonlyArray<Hit>
  readonly unit: number
  readonly flags: ReadonlySet<string>
}

const search = (call: Call, at: number, source: Bytes, allowed: ReadonlySet<string>): Search => {
  const none: Search = { hits: [], unit: 1, flags: new Set() }
  const zset = call.find("zset", source)
  const flags = new Set<string>()
  let center: Place | undefined
  let isNear: ((center: Place, place: Place) => boolean) | undefined
  let [unit, count, order, centers, shapes] = [1, 0, "", 0, 0]
  for (let i = at; i < call.args.length && !call.failed; i++) {
    const word = call.word(i)
    if (word === "FROMMEMBER" && i + 1 < call.args.length) {
      centers++
      i++
      const score = zset?.score(call.args[i])
      if (score !== undefined) center = decode(score)
      else if (zset !== undefined) call.refuse("ERR could not decode requested zset member")
    } else if (word === "FROMLONLAT" && i + 2 < call.args.length) {
      centers++
      center = placeAt(call, i + 1)
      i += 2
    } else if (word === "BYRADIUS" && i + 2 < call.args.length) {
      shapes++
      const radius = call.float(i + 1, failure("ERR need numeric radius"))
      if (radius < 0) call.refuse("ERR radius cannot be negative")
      unit = unitAt(call, i + 2)
      const meters = radius * unit
      isNear = (center, place) => distance(center, place) <= meters
      i += 2
    } else if (word === "BYBOX" && i + 3 < call.args.length) {
      shapes++
      const width = call.float(i + 1, failure("ERR need numeric width"))
      const height = call.float(i + 2, failure("ERR need numeric height"))
      if (width < 0 || height < 0) call.refuse("ERR height or width cannot be negative")
      unit = unitAt(call, i + 3)
      const scale = unit
      isNear = (center, place) =>
        latitudeDistance(place.latitude, center.latitude) <= (height * scale) / 2 &&
        distance(place, { longitude: center.longitude, latitude: place.latitude }) <= (width * scale) / 2
      i += 3
    } else if (word === "ASC" || word === "DESC") order = word
    else if (word === "COUNT" && i + 1 < call.args.length) {
      count = call.integer(++i)
      if (!call.failed && count <= 0) call.refuse("ERR COUNT must be > 0")
    } else if (word === "ANY" || allowed.has(word)) flags.add(word)
    else call.syntax()
  }
  if (call.failed) return none
  if (centers !== 1) {
    call.refuse(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${call.name}`)
  } else if (shapes !== 1) {
    call.refuse(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${call.name}`)
  } else if (flags.has("ANY") && count === 0) call.refuse("ERR the ANY argument requires COUNT argument")
  if (call.failed || zset === undefined || center === undefined || isNear === undefined) return { ...none, unit, flags }
  const from = center
  const near = isNear
  const hits = zset.entries()
    .map(([member, score]): Hit => {
      const place = decode(score)
      return { member, score, place, meters: distance(from, place) }
    })
    .filter(({ place }) => near(from, place))
  // With COUNT and without ANY the nearest members come first.
  const wanted = order === "" && count > 0 && !flags.has("ANY") ? "ASC" : order
  const any = flags.has("ANY") && count > 0 ? hits.slice(0, count) : hits
  const sorted = wanted === ""
    ? any
    : any.toSorted((one, other) => (one.meters - other.meters) * (wanted === "ASC" ? 1 : -1))
  return { hits: count > 0 ? sorted.slice(0, count) : sorted, unit, flags }
}

const geosearch = (call: Call): Answer => {
  const { flags, hits, unit } = search(call, 2, call.args[1], new Set(["WITHCOORD", "WITHDIST", "WITHHASH"]))
  return hits.map((hit): Answer => {
    const row: Array<Answer> = [hit.member]
    if (flags.has("WITHDIST")) row.push((hit.meters / unit).toFixed(4))
    if (flags.has("WITHHASH")) row.push(hit.score)
    if (flags.has("WITHCOORD")) row.push(coordinates(hit.place))
    return row.length === 1 ? hit.member : row
  })
}

const geosearchstore = (call: Call): Answer => {
  const { flags, hits, unit } = search(call, 3, call.args[2], new Set(["STOREDIST"]))
  if (call.failed) return null
  const value = new SortedSet(
    hits.map((hit): Scored => [hit.member, flags.has("STOREDIST") ? hit.meters / unit : hit.score])
  )
  call.store(call.args[1], { type: "zset", value }, value.size, "geosearchstore", "z")
  return value.size
}

export const geo: Group = {
  GEOADD: write(-5, geoadd),
  GEOPOS: read(
    -2,
    (call) => scoresOf(call).map((score) => score === undefined ? nullArray : coordinates(decode(score)))
  ),
  GEOHASH: read(-2, (call) => scoresOf(call).map((score) => score === undefined ? null : geohash(score))),
  GEODIST: read(-4, geodist),
  GEOSEARCH: read(-7, geosearch),
  GEOSEARCHSTORE: write(-8, geosearchstore)
}
