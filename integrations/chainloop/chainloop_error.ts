import { ApiError } from "../../errors.ts";

/**
 * A request, credentials or an artifact that Chainloop's extension does not take.
 *
 * @example
 * ```ts
 * import { ChainloopError, register } from "@davit/registry-client/chainloop";
 * import { assertInstanceOf, assertEquals } from "@std/assert";
 *
 * const error = await register({ repository: "", username: "you", password: "a token" })
 *   .catch((error) => error);
 * assertInstanceOf(error, ChainloopError);
 * assertEquals(error.code, "INVALID_REQUEST");
 * ```
 */
export class ChainloopError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ChainloopError";
  /** Which of the four it is. */
  override readonly code:
    | "INVALID_REQUEST"
    | "INVALID_CREDENTIALS"
    | "NO_WRITE_PERMISSION"
    | "INVALID_ARTIFACT";

  /** An error with its code and, where there is one, the cause. */
  constructor(message: string, options: { code: ChainloopError["code"]; cause?: unknown }) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code;
  }
}
