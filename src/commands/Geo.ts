/**
 * Places on the earth, kept as the members of a sorted set.
 *
 * @since 0.1.0
 */
import type { Argument } from "../protocol/Reply.ts"
import { type Call, call, type OneOrMore, type Value } from "./Call.ts"
import { checked } from "./checked.ts"
import { CommandSpec } from "./CommandSpec.ts"
import * as decode from "./decode.ts"
import { firstAndAfter, firstTwo } from "./keys.ts"
import type { Exact, Given, When, With, Without } from "./Options.ts"
import { parameters } from "./parameters/Geo.ts"
import type { CommandSurface, Returns, Surface } from "./Surface.ts"

/**
 * Metres, kilometres, feet or miles.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoUnit = "m" | "km" | "ft" | "mi"

/**
 * A place in degrees: longitude from -180 to 180, latitude from -85.05112878 to 85.05112878. Servers round it a little.
 *
 * @category models
 * @since 0.1.0
 */
export interface Coordinates {
  /** Degrees to the east, from -180 to 180. */
  readonly longitude: number
  /** Degrees to the north, from -85.05112878 to 85.05112878. */
  readonly latitude: number
}

/**
 * A member and its place.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoMember extends Coordinates {
  readonly member: Value
}

/**
 * Options of `geoadd`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoaddOptions {
  /** Only add members (`NX`), or only change existing ones (`XX`). Since 6.2.0. */
  readonly condition?: "NX" | "XX" | undefined
  /** Return the number of changed members, new ones included, in place of the number of new members. Since 6.2.0. */
  readonly changed?: boolean | undefined
}

/**
 * The middle of the area of a search: a place, or a member.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoMiddle =
  | Coordinates
  | {
    /** A member of the sorted set. */
    readonly member: Value
  }

/**
 * The parts of the area of a search, one by one.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoAreaParts {
  /** The middle of a circle or a box: a place, or a member. */
  readonly from?: GeoMiddle | undefined
  /** The greatest distance from the middle of a circle. */
  readonly radius?: number | undefined
  /** The length of a box from west to east. */
  readonly width?: number | undefined
  /** The length of a box from south to north. */
  readonly height?: number | undefined
  /** The unit of a circle or a box, and of distances in the reply. */
  readonly unit?: GeoUnit | undefined
  /** At least three corners, in order; distances are measured from its middle, in metres. Valkey 9.0. */
  readonly polygon?: ReadonlyArray<Coordinates> | undefined
}

/**
 * The area of a search: a circle or a box (with sides from north to south and from east to west) around a place or a
 * member, or a polygon (Valkey 9.0).
 *
 * @category models
 * @since 0.1.0
 */
export type GeoArea =
  & GeoAreaParts
  & (
    | (
      & With<"from", GeoMiddle>
      & With<"radius", number>
      & With<"unit", GeoUnit>
      & Without<"width" | "height" | "polygon">
    )
    | (
      & With<"from", GeoMiddle>
      & With<"width" | "height", number>
      & With<"unit", GeoUnit>
      & Without<"radius" | "polygon">
    )
    | (With<"polygon", ReadonlyArray<Coordinates>> & Without<"from" | "radius" | "width" | "height" | "unit">)
  )

/**
 * The number and the order of the members that a search returns.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoLimit {
  /** Return the nearest members first (`ASC`), or the farthest (`DESC`). Without it the order is open. */
  readonly order?: "ASC" | "DESC" | undefined
  /** The most members to return: the nearest ones, unless `order` is `DESC`. Default: all. */
  readonly count?: number | undefined
  /** Return any members as soon as there are enough; needs `count`. Since 6.2.0. */
  readonly any?: boolean | undefined
}

/**
 * Options of `geosearch`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoSearchOptions extends GeoLimit {
  /** Return the place of each member. */
  readonly withCoordinates?: boolean | undefined
  /** Return the distance of each member from the middle, in the unit of the search. */
  readonly withDistance?: boolean | undefined
  /** Return the score that each member has in the sorted set. */
  readonly withHash?: boolean | undefined
}

/**
 * The keys at which `georadius` and `georadiusbymember` keep the members that they find.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoradiusStore extends GeoSearchOptions {
  /** Keep the members with their places as a sorted set at this key, and return their number. */
  readonly store?: Argument | undefined
  /** Keep the members with their distances as scores at this key, and return their number. */
  readonly storeDistance?: Argument | undefined
}

/**
 * Options of `georadius` and `georadiusbymember`. With `store` or `storeDistance` the members are kept at a key, and
 * not returned.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoradiusOptions =
  & GeoradiusStore
  & (
    | Without<"store" | "storeDistance">
    | (With<"store", Argument> & Without<"storeDistance"> & Without<GeoProperty, false>)
    | (With<"storeDistance", Argument> & Without<"store"> & Without<GeoProperty, false>)
  )

type GeoProperty = "withCoordinates" | "withDistance" | "withHash"

/**
 * Options of `geosearchstore`.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeosearchstoreOptions extends GeoLimit {
  /** Store the distances as scores, in the unit of the search. */
  readonly storeDistance?: boolean | undefined
}

type Flat<A> = A extends unknown ? { [K in keyof A]: A[K] } : never

/**
 * A member that a search found, with the properties that the options ask for.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoMatch<O> = Flat<
  & { readonly member: string }
  & When<O, "withDistance", { readonly distance: number }, {}>
  & When<O, "withHash", { readonly hash: number }, {}>
  & When<O, "withCoordinates", { readonly coordinates: Coordinates }, {}>
>

/**
 * The reply of a search: the names of members, or objects when the options ask for more.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoReply<O> = When<
  O,
  "withDistance",
  ReadonlyArray<GeoMatch<O>>,
  When<
    O,
    "withHash",
    ReadonlyArray<GeoMatch<O>>,
    When<O, "withCoordinates", ReadonlyArray<GeoMatch<O>>, ReadonlyArray<string>>
  >
>

/**
 * The reply of `georadius`: the number of stored members, or the reply of a search.
 *
 * @category models
 * @since 0.1.0
 */
export type GeoradiusReply<O> = Given<O, "store", number, Given<O, "storeDistance", number, GeoReply<O>>>

/**
 * The methods of the commands on places.
 *
 * @category models
 * @since 0.1.0
 */
export interface GeoCommands<S extends Surface> {
  /**
   * Adds members with their places. Returns the number of new members; with `changed`, the number of changed members.
   * Since 3.2.0. O(log N) a member.
   */
  geoadd(key: Argument, members: OneOrMore<GeoMember>, options?: GeoaddOptions): Returns<S, number>
  /** The distance of two members, in metres by default; `null` if one is missing. Since 3.2.0. O(1). */
  geodist(key: Argument, member1: Value, member2: Value, unit?: GeoUnit): Returns<S, number | null>
  /** The geohash of each member as text of 11 letters, `null` for each that is missing. Since 3.2.0. O(1) a member. */
  geohash(key: Argument, members: OneOrMore<Value>): Returns<S, ReadonlyArray<string | null>>
  /** The place of each member, `null` for each that is missing. Since 3.2.0. O(1) a member. */
  geopos(key: Argument, members: OneOrMore<Value>): Returns<S, ReadonlyArray<Coordinates | null>>
  /** The old form of `geosearch` around a place, and of `geosearchstore` with `store`. Since 3.2.0. O(N+log(M)). */
  georadius<const O extends GeoradiusOptions = {}>(
    key: Argument,
    from: Coordinates,
    radius: number,
    unit: GeoUnit,
    options?: Exact<O, GeoradiusOptions>
  ): Returns<S, GeoradiusReply<O>>
  /** The old form of `geosearch` around a place, which replicas may serve. Since 3.2.10. O(N+log(M)). */
  georadiusRo<const O extends GeoSearchOptions = {}>(
    key: Argument,
    from: Coordinates,
    radius: number,
    unit: GeoUnit,
    options?: Exact<O, GeoSearchOptions>
  ): Returns<S, GeoReply<O>>
  /** The old form of `geosearch` around a member, and of `geosearchstore` with `store`. Since 3.2.0. O(N+log(M)). */
  georadiusbymember<const O extends GeoradiusOptions = {}>(
    key: Argument,
    member: Value,
    radius: number,
    unit: GeoUnit,
    options?: Exact<O, GeoradiusOptions>
  ): Returns<S, GeoradiusReply<O>>
  /** The old form of `geosearch` around a member, which replicas may serve. Since 3.2.10. O(N+log(M)). */
  georadiusbymemberRo<const O extends GeoSearchOptions = {}>(
    key: Argument,
    member: Value,
    radius: number,
    unit: GeoUnit,
    options?: Exact<O, GeoSearchOptions>
  ): Returns<S, GeoReply<O>>
  /**
   * The members in an area: their names, or, by options, their distances, hashes and places. Since 6.2.0 (polygon
   * Valkey 9.0). O(N+log(M)).
   */
  geosearch<const O extends GeoSearchOptions = {}>(
    key: Argument,
    area: GeoArea,
    options?: Exact<O, GeoSearchOptions>
  ): Returns<S, GeoReply<O>>
  /**
   * Stores the members in an area at a key of its slot. Returns the number of members. Since 6.2.0 (polygon Valkey
   * 9.0). O(N+log(M)).
   */
  geosearchstore(
    destination: Argument,
    source: Argument,
    area: GeoArea,
    options?: GeosearchstoreOptions
  ): Returns<S, number>
}

const write = { keys: 0 } as const
const read = { keys: 0, readonly: true } as const
const stores = ["STORE", "STOREDIST"]

const GEOADD = new CommandSpec("GEOADD", write)
const GEODIST = new CommandSpec("GEODIST", read)
const GEOHASH = new CommandSpec("GEOHASH", read)
const GEOPOS = new CommandSpec("GEOPOS", read)
const GEORADIUS = new CommandSpec("GEORADIUS", { keys: firstAndAfter(5, stores) })
const GEORADIUS_RO = new CommandSpec("GEORADIUS_RO", read)
const GEORADIUSBYMEMBER = new CommandSpec("GEORADIUSBYMEMBER", { keys: firstAndAfter(4, stores) })
const GEORADIUSBYMEMBER_RO = new CommandSpec("GEORADIUSBYMEMBER_RO", read)
const GEOSEARCH = new CommandSpec("GEOSEARCH", read)
const GEOSEARCHSTORE = new CommandSpec("GEOSEARCHSTORE", { keys: firstTwo })

const coordinates: decode.Decoder<Coordinates> = decode.map(
  decode.tuple(decode.double, decode.double),
  ([longitude, latitude]) => ({ longitude, latitude })
)

const places = decode.arrayOf(decode.nullable(coordinates))

/** Members with distance, hash and place, of which those that are wanted stand in this order behind the name. */
const matches = (withDistance: boolean, withHash: boolean, withPlace: boolean): decode.Decoder<unknown> => {
  const parts: Record<string, decode.Place<unknown>> = { member: decode.at(0, decode.string) }
  let position = 1
  if (withDistance) parts["distance"] = decode.at(position++, decode.double)
  if (withHash) parts["hash"] = decode.at(position++, decode.integer)
  if (withPlace) parts["coordinates"] = decode.at(position, coordinates)
  return decode.arrayOf(decode.positional("a member with what belongs to it", parts))
}

/** The decoders for each choice of distance (1), hash (2) and place (4). */
const found: ReadonlyArray<decode.Decoder<unknown>> = [
  decode.strings,
  ...[1, 2, 3, 4, 5, 6, 7].map((bits) => matches((bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0))
]

const wanted = (options: GeoSearchOptions): number =>
  (options.withDistance === true ? 1 : 0) + (options.withHash === true ? 2 : 0) +
  (options.withCoordinates === true ? 4 : 0)

const addPlace = (self: Call, place: Coordinates): Call =>
  self.double("longitude", place.longitude).double("latitude", place.latitude)

const addArea = (self: Call, area: GeoArea): Call => {
  if (area.polygon !== undefined) {
    if (area.from !== undefined || area.radius !== undefined || area.width !== undefined) {
      return self.refuse("a polygon excludes from, radius, width and height: give one kind of area")
    }
    if (area.polygon.length < 3) return self.refuse("polygon must have at least three corners, got fewer")
    self.add("BYPOLYGON", String(area.polygon.length))
    for (const corner of area.polygon) addPlace(self, corner)
    return self
  }
  if ("member" in area.from) self.add("FROMMEMBER").value(area.from.member)
  else addPlace(self.add("FROMLONLAT"), area.from)
  if (area.radius !== undefined && area.width !== undefined) {
    return self.refuse("radius excludes width and height: give one kind of area")
  }
  return area.radius !== undefined
    ? self.add("BYRADIUS").double("radius", area.radius, 0).add(area.unit)
    : self.add("BYBOX").double("width", area.width, 0).double("height", area.height, 0).add(area.unit)
}

const addLimit = (self: Call, options: GeoLimit): Call => {
  if (options.order !== undefined) self.add(options.order)
  if (options.any === true && options.count === undefined) self.refuse("any needs a count: give both")
  return self.integerOption("COUNT", "count", options.count, 1).flag("ANY", options.any)
}

const addWanted = (self: Call, options: GeoSearchOptions): Call =>
  self.flag("WITHCOORD", options.withCoordinates)
    .flag("WITHDIST", options.withDistance)
    .flag("WITHHASH", options.withHash)

const search = (self: Call, options: GeoSearchOptions) =>
  addWanted(addLimit(self, options), options).to(decode.chosen(found[wanted(options)]))

const searchOrStore = (self: Call, options: GeoradiusOptions) => {
  if (options.store === undefined && options.storeDistance === undefined) return search(self, options)
  if (options.store !== undefined && options.storeDistance !== undefined) {
    self.refuse("store and storeDistance exclude one another: give one of them")
  }
  if (wanted(options) !== 0) {
    self.refuse("what is stored is not answered: leave out withCoordinates, withDistance and withHash")
  }
  return addLimit(self, options)
    .option("STORE", options.store)
    .option("STOREDIST", options.storeDistance)
    .to(decode.chosen(decode.integer))
}

const aroundPlace = (spec: CommandSpec, key: Argument, from: Coordinates, radius: number, unit: GeoUnit) =>
  addPlace(call(spec, key), from).double("radius", radius, 0).add(unit)

const aroundMember = (spec: CommandSpec, key: Argument, member: Value, radius: number, unit: GeoUnit) =>
  call(spec, key).value(member).double("radius", radius, 0).add(unit)

/**
 * The builders of the commands on places: each makes a command that runs on the `ClusterClient` of the fiber.
 *
 * @category commands
 * @since 0.1.0
 */
export const Geo: GeoCommands<CommandSurface> = /* @__PURE__ */ checked(parameters, {
  geoadd: (key, members, options = {}) => {
    const self = call(GEOADD, key)
    if (options.condition !== undefined) self.add(options.condition)
    self.flag("CH", options.changed)
    const list = "member" in members ? [members] : members
    if (list.length === 0) self.refuse("members must have at least one entry, got none: leave out the call instead")
    for (const place of list) addPlace(self, place).value(place.member)
    return self.to(decode.integer)
  },
  geodist: (key, member1, member2, unit) => {
    const self = call(GEODIST, key).value(member1).value(member2)
    return (unit === undefined ? self : self.add(unit)).to(decode.doubleOrNull)
  },
  geohash: (key, members) => call(GEOHASH, key).many("members", members).to(decode.stringsOrNull),
  geopos: (key, members) => call(GEOPOS, key).many("members", members).to(places),
  georadius: (key, from, radius, unit, options: GeoradiusOptions = {}) =>
    searchOrStore(aroundPlace(GEORADIUS, key, from, radius, unit), options),
  georadiusRo: (key, from, radius, unit, options: GeoSearchOptions = {}) =>
    search(aroundPlace(GEORADIUS_RO, key, from, radius, unit), options),
  georadiusbymember: (key, member, radius, unit, options: GeoradiusOptions = {}) =>
    searchOrStore(aroundMember(GEORADIUSBYMEMBER, key, member, radius, unit), options),
  georadiusbymemberRo: (key, member, radius, unit, options: GeoSearchOptions = {}) =>
    search(aroundMember(GEORADIUSBYMEMBER_RO, key, member, radius, unit), options),
  geosearch: (key, area, options: GeoSearchOptions = {}) => search(addArea(call(GEOSEARCH, key), area), options),
  geosearchstore: (destination, source, area, options = {}) =>
    addLimit(addArea(call(GEOSEARCHSTORE, destination, source), area), options)
      .flag("STOREDIST", options.storeDistance)
      .to(decode.integer)
})
