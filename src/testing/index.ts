/** A cluster in memory for tests: see `docs/testing-your-program.md`. */
export type { ChaosEvent, ChaosOptions, Fault } from "./Chaos.ts"
export type { Control, NodeName, ReceivedCommand, TestNode } from "./Control.ts"
export type { ScriptInput, ScriptValue } from "./engine/ScriptValue.ts"
export * as Response from "./Response.ts"
export {
  type ClientOptions,
  type ListeningClusterShape,
  type ListenOptions,
  type NodeOptions,
  TestCluster,
  type TestClusterOptions,
  type TestClusterShape,
  type TestLayerOptions
} from "./TestCluster.ts"
export type { WaitingCommand } from "./Waiting.ts"
