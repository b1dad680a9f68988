import { Geo } from "../../../src/commands/Geo.ts"
import type { Sample } from "./Sample.ts"

const sicily = [["GEOADD", "{t}g", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"]]
const from = { longitude: 15, latitude: 37 }
const palermo = { longitude: 13.361389338970184, latitude: 38.1155563954963 }
const catania = { longitude: 15.087267458438873, latitude: 37.50266842333162 }
const triangle = [{ longitude: 12, latitude: 37 }, { longitude: 14.5, latitude: 37 }, { longitude: 13.5, latitude: 39 }]

const cities = [
  Geo.geoadd("cities", [
    { member: "Palermo", longitude: 13.361389, latitude: 38.115556 },
    { member: "Catania", longitude: 15.087269, latitude: 37.502669 }
  ])
]

export const geo: ReadonlyArray<Sample> = [
  {
    name: "geoadd",
    command: Geo.geoadd("cities", [{ member: "Palermo", longitude: 13.361389, latitude: 38.115556 }, {
      member: "Catania",
      longitude: 15.087269,
      latitude: 37.502669
    }]),
    expected: 2
  },
  {
    name: "geoadd with options",
    command: Geo.geoadd("{t}g", [{ member: "a", longitude: 1, latitude: 2 }, { member: "Catania", ...catania }], {
      condition: "NX",
      changed: true
    }),
    prepare: sicily,
    expected: 1
  },
  { name: "geoadd of one", command: Geo.geoadd("{t}g", { member: 7, longitude: 1, latitude: 2 }), expected: 1 },
  { name: "geodist", command: Geo.geodist("cities", "Palermo", "Catania", "km"), prepare: cities, expected: 166.2742 },
  {
    name: "geodist in metres",
    command: Geo.geodist("{t}g", "Palermo", "Catania"),
    prepare: sicily,
    expected: 166274.1516
  },
  {
    name: "geodist of a missing member",
    command: Geo.geodist("{t}g", "Palermo", "x"),
    prepare: sicily,
    expected: null
  },
  {
    name: "geohash",
    command: Geo.geohash("cities", ["Palermo", "Rome"]),
    prepare: cities,
    expected: ["sqc8b49rny0", null]
  },
  { name: "geopos", command: Geo.geopos("cities", "Palermo"), prepare: cities, expected: [palermo] },
  {
    name: "geopos of a missing member",
    command: Geo.geopos("{t}g", ["Palermo", "x"]),
    prepare: sicily,
    expected: [palermo, null]
  },
  {
    name: "georadius",
    command: Geo.georadius("cities", { longitude: 15, latitude: 37 }, 200, "km", { order: "ASC" }),
    prepare: cities,
    expected: ["Catania", "Palermo"]
  },
  {
    name: "georadius with count",
    command: Geo.georadius("{t}g", from, 200, "km", { order: "ASC", count: 1 }),
    prepare: sicily,
    expected: ["Catania"]
  },
  {
    name: "georadius with distance and place",
    command: Geo.georadius("{t}g", from, 100, "km", { withDistance: true, withCoordinates: true }),
    prepare: sicily,
    expected: [{ member: "Catania", distance: 56.4413, coordinates: catania }]
  },
  {
    name: "georadius with store",
    command: Geo.georadius("{t}g", from, 200, "km", { store: "{t}d", count: 5, order: "DESC" }),
    prepare: sicily,
    expected: 2
  },
  {
    name: "georadius with storeDistance",
    command: Geo.georadius("{t}g", from, 200, "km", { storeDistance: "{t}d" }),
    prepare: sicily,
    expected: 2
  },
  {
    name: "georadiusRo",
    command: Geo.georadiusRo("cities", { longitude: 15, latitude: 37 }, 100, "km"),
    prepare: cities,
    expected: ["Catania"]
  },
  {
    name: "georadiusRo with hash",
    command: Geo.georadiusRo("{t}g", from, 100, "km", { withHash: true }),
    prepare: sicily,
    expected: [{ member: "Catania", hash: 3479447370796909 }]
  },
  {
    name: "georadiusbymember",
    command: Geo.georadiusbymember("cities", "Palermo", 200, "km", { order: "ASC" }),
    prepare: cities,
    expected: ["Palermo", "Catania"]
  },
  {
    name: "georadiusbymember of one",
    command: Geo.georadiusbymember("{t}g", "Palermo", 1, "m"),
    prepare: sicily,
    expected: ["Palermo"]
  },
  {
    name: "georadiusbymember with store",
    command: Geo.georadiusbymember("{t}g", "Palermo", 1, "mi", { store: "{t}d" }),
    prepare: sicily,
    expected: 1
  },
  {
    name: "georadiusbymemberRo",
    command: Geo.georadiusbymemberRo("cities", "Palermo", 100, "km"),
    prepare: cities,
    expected: ["Palermo"]
  },
  {
    name: "georadiusbymemberRo with distance",
    command: Geo.georadiusbymemberRo("{t}g", "Palermo", 1, "ft", { withDistance: true }),
    prepare: sicily,
    expected: [{ member: "Palermo", distance: 0 }]
  },
  {
    name: "geosearch",
    command: Geo.geosearch("cities", { from: { longitude: 15, latitude: 37 }, radius: 100, unit: "km" }, {
      withDistance: true
    }),
    prepare: cities,
    expected: [{ member: "Catania", distance: 56.4413 }]
  },
  {
    name: "geosearch of any",
    command: Geo.geosearch("{t}g", { from, radius: 200, unit: "km" }, { order: "DESC", count: 2, any: true }),
    prepare: sicily,
    expected: ["Palermo", "Catania"]
  },
  {
    name: "geosearch with all",
    command: Geo.geosearch("{t}g", { from: { member: "Palermo" }, width: 500, height: 500, unit: "km" }, {
      order: "ASC",
      withCoordinates: true,
      withDistance: true,
      withHash: true
    }),
    prepare: sicily,
    expected: [
      { member: "Palermo", distance: 0, hash: 3479099956230698, coordinates: palermo },
      { member: "Catania", distance: 166.2742, hash: 3479447370796909, coordinates: catania }
    ]
  },
  { name: "geosearch of a missing key", command: Geo.geosearch("{t}g", { from, radius: 1, unit: "m" }), expected: [] },
  {
    name: "geosearch in a polygon",
    command: Geo.geosearch("{t}g", { polygon: triangle }, { withCoordinates: true }),
    prepare: sicily,
    expected: [{ member: "Palermo", coordinates: palermo }],
    since: { valkey: "9.0" }
  },
  {
    name: "geosearchstore",
    command: Geo.geosearchstore("{cities}:near", "{cities}:all", {
      from: { member: "Palermo" },
      radius: 100,
      unit: "km"
    }),
    prepare: [Geo.geoadd("{cities}:all", { member: "Palermo", longitude: 13.361389, latitude: 38.115556 })],
    expected: 1
  },
  {
    name: "geosearchstore of distances",
    command: Geo.geosearchstore("{t}d", "{t}g", { from, radius: 200, unit: "km" }, {
      order: "ASC",
      storeDistance: true
    }),
    prepare: sicily,
    expected: 2
  },
  {
    name: "geosearchstore of a polygon",
    command: Geo.geosearchstore("{t}d", "{t}g", { polygon: triangle }),
    prepare: sicily,
    expected: 1,
    since: { valkey: "9.0" }
  }
]
