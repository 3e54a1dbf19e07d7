/** What a service says of its refusal: its own code, and a sentence. */
export interface ServiceWords {
  /** The code: `AccessDeniedException`, `invalid_client`, `UNAUTHORIZED`. */
  code?: string;
  message?: string;
}

/**
 * A refusal's code and words, in the forms that cloud services have: AWS's `__type` and `message`,
 * OAuth2's `error` and `error_description`, Google's `error: {status, message}`, and a registry's
 * `errors: [{code, message}]`. A web page says nothing.
 */
export function serviceWords(bytes: Uint8Array): ServiceWords {
  const text = new TextDecoder().decode(bytes).trim();
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return text === "" || text.startsWith("<") ? {} : { message: text };
  }
  const fields = objectOf(answer);
  const { __type, error, errors } = fields;
  const inner = objectOf(Array.isArray(errors) ? errors[0] : error);
  const code = textOf(__type)?.split("#").pop() ?? textOf(error) ?? textOf(inner.code) ??
    textOf(inner.status) ?? textOf(fields.code);
  const message = textOf(fields.error_description) ?? textOf(fields.message) ??
    textOf(fields.Message) ?? textOf(inner.message);
  return { ...(code !== undefined && { code }), ...(message !== undefined && { message }) };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
