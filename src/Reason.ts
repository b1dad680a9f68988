/**
 * The reasons of a `RedisClusterException`, each with its class.
 *
 * `Reason.Reason` is the union of all, a schema and a type: `switch (error.reason._tag)` over it is exhaustive.
 *
 * **Example** (An error for a test)
 *
 * ```ts
 * import { Reason, RedisClusterException } from "effect-redis-cluster"
 *
 * const timedOut = () =>
 *   new RedisClusterException({
 *     reason: new Reason.TimeoutError({
 *       message: "GET was not answered within 500 ms",
 *       outcome: "Unknown",
 *       timeout: 500,
 *       waitingFor: "reply"
 *     })
 *   })
 *
 * export const outcome = timedOut().outcome // "Unknown"
 * ```
 */
export {
  AskError,
  AuthenticationError,
  ClosedError,
  ClusterDisabledError,
  ClusterDownError,
  ConnectionError,
  CrossSlotError,
  DecodeError,
  EncodeError,
  type Group,
  type Hop,
  isReason,
  LoadingError,
  MasterDownError,
  MovedError,
  NoKeyError,
  NoReachableNodeError,
  NoTargetError,
  OptionsError,
  OverloadedError,
  OvertakenError,
  PartialFailureError,
  PipelineError,
  ProtocolError,
  ReadOnlyError,
  Reason,
  ReplyError,
  SlotNotCoveredError,
  TimeoutError,
  TooManyRedirectionsError,
  TransactionError,
  TryAgainError,
  UnknownNodeError
} from "./RedisClusterException.ts"
