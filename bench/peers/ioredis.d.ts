/** The part of ioredis that the benchmark uses, for type checks where the clients to compare with are not installed. */
interface Address {
  readonly host: string
  readonly port: number
}

interface Batch {
  set(key: string, value: string): Batch
  get(key: string): Batch
  incr(key: string): Batch
  exec(): Promise<Array<[error: Error | null, result: unknown]> | null>
}

declare class Commands {
  get(key: string): Promise<string | null>
  getBuffer(key: string): Promise<Buffer | null>
  set(key: string, value: string | Buffer): Promise<"OK">
  incr(key: string): Promise<number>
  lrange(key: string, start: number, stop: number): Promise<Array<string>>
  smembers(key: string): Promise<Array<string>>
  hgetall(key: string): Promise<Record<string, string>>
  hset(key: string, fields: Record<string, string>): Promise<number>
  zrange(key: string, start: number, stop: number, withScores: "WITHSCORES"): Promise<Array<string>>
  zadd(key: string, ...scoresAndMembers: Array<number | string>): Promise<number | string>
  xrange(key: string, start: string, end: string): Promise<Array<[string, Array<string>]>>
  mget(keys: Array<string>): Promise<Array<string | null>>
  mset(keysAndValues: Array<string>): Promise<"OK">
  rpush(key: string, element: string): Promise<number>
  blpop(key: string, seconds: number): Promise<[string, string] | null>
  pipeline(): Batch
  multi(): Batch
}

export declare class Redis extends Commands {
  constructor(options: Address)
}

export declare class Cluster extends Commands {
  constructor(nodes: Array<Address>, options: {
    readonly enableAutoPipelining?: boolean
    readonly lazyConnect?: boolean
    readonly shardedSubscribers?: boolean
  })
  connect(): Promise<void>
  disconnect(): void
  on(event: string, listener: (...args: Array<string>) => void): this
  setMaxListeners(count: number): this
  subscribe(channel: string): Promise<unknown>
  ssubscribe(channel: string): Promise<unknown>
  defineCommand(name: string, definition: { readonly numberOfKeys: number; readonly lua: string }): void
}
