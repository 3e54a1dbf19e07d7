import { ApiError } from "../../errors.ts";

/** Every failure of `attachArtifactToImage` and `getImageDigest`. */
export class OCIError extends ApiError {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "OCIError";
  /** Names this kind of error. */
  override readonly code = "OCI_ERROR";
  /** Whether the same call may succeed: as its cause says. */
  override readonly retryable: boolean;
  /** What went wrong; it says what was expected and received (`expected 201, received 203`). */
  declare cause: unknown;

  /** An error in the original's form. */
  constructor({ message, cause }: { message: string; cause?: unknown }) {
    super(message, { cause });
    this.retryable = cause instanceof ApiError && cause.retryable;
  }
}
