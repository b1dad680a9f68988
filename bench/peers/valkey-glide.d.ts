/** The part of valkey-glide that the benchmark uses, for type checks where the clients to compare with are not installed. */
type Text = string | Buffer

export declare class ClusterBatch {
  constructor(isAtomic: boolean)
  set(key: string, value: string): this
  get(key: string): this
  incr(key: string): this
}

export declare class GlideClusterClient {
  static createClient(options: {
    readonly addresses: Array<{ readonly host: string; readonly port: number }>
    readonly requestTimeout?: number
    readonly inflightRequestsLimit?: number
    readonly pubsubSubscriptions?: {
      readonly channelsAndPatterns: { readonly [mode: number]: Set<string> }
      readonly callback: (message: { readonly message: Text }) => void
    }
  }): Promise<GlideClusterClient>
  get(key: string): Promise<Text | null>
  set(key: string, value: string): Promise<Text | null>
  incr(key: string): Promise<number>
  mget(keys: Array<string>): Promise<Array<Text | null>>
  mset(values: Record<string, string>): Promise<"OK">
  exec(batch: ClusterBatch, raiseOnError: boolean): Promise<Array<unknown> | null>
  close(): void
}

export declare const GlideClusterClientConfiguration: {
  readonly PubSubChannelModes: { readonly Exact: 0; readonly Sharded: 2 }
}
