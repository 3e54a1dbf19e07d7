/**
 * An answer that is not the endpoint's success. Its cause, where it came of a request of davit's, is
 * the typed error, such as `NotFoundError`.
 */
export class ResError extends Error {
  /** The class's name, which stays the same in a minified bundle. */
  override name = "ResError";
  /** The response. It does not show when the error is printed: its headers may hold signed URLs. */
  declare readonly res: Response;

  /** An error about a response. */
  constructor(
    res: Response,
    message = `Cannot use the answer: its status is ${res.status}`,
    options?: ErrorOptions,
  ) {
    super(message, options);
    Object.defineProperty(this, "res", { value: res, enumerable: false });
  }
}
