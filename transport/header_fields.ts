import { InvalidOptionError } from "../errors.ts";

/** A request's headers: the part of `Headers` that a channel uses. `Headers` are some too. */
export interface HeaderFields {
  /** A header's value, whatever the case of its name. */
  get(name: string): string | null;
  /** Whether there is such a header. */
  has(name: string): boolean;
  /** Sets a header, in the place of one that is there. */
  set(name: string, value: string): void;
  /** Removes a header. */
  delete(name: string): void;
  /** Names, in lower case, and values. */
  [Symbol.iterator](): Iterator<[string, string]>;
}

/**
 * Headers that cost little to copy: each middleware that adds one copies them, and `Headers` look at
 * every character of every value each time. The sender's own checks them, once.
 */
class FieldRecord implements HeaderFields {
  /** By the name in lower case. */
  readonly fields: Record<string, string>;

  constructor(fields: Record<string, string>) {
    this.fields = fields;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    return this.has(key) ? this.fields[key]! : null;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.fields, name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.fields[name.toLowerCase()] = value;
  }

  delete(name: string): void {
    if (this.has(name)) delete this.fields[name.toLowerCase()];
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return Object.entries(this.fields).values();
  }
}

/** Headers of a new request. */
export function headerFields(headers: HeadersInit = {}): HeaderFields {
  if (headers instanceof Headers || Array.isArray(headers)) {
    return new FieldRecord(Object.fromEntries(new Headers(headers)));
  }
  const fields: Record<string, string> = {};
  const given = headers as Record<string, string>;
  for (const name in given) {
    if (Object.hasOwn(given, name)) fields[name.toLowerCase()] = given[name]!;
  }
  return new FieldRecord(fields);
}

/**
 * Checks headers that a caller gave, which `fetch` would refuse at each request.
 *
 * @throws {InvalidOptionError} When a name or a value cannot stand in a request. The value is not
 * shown: it may be a secret.
 */
export function checkFields(option: string, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers({ [name]: value });
    } catch { // whose message holds the value
      throw new InvalidOptionError(
        `Cannot use '${option}' as ${
          JSON.stringify(name)
        } must be a header's name, and its value a ` +
          `text in one line, of characters up to U+00FF`,
      );
    }
  }
}

/** A copy to write to, with more headers; their names in lower case. */
export function copyFields(headers: HeaderFields, more?: Record<string, string>): HeaderFields {
  return new FieldRecord({ ...recordOf(headers), ...more });
}

/** Headers that every request to one host carries. */
export interface HostHeaders {
  /** Where a request has none of that name; names in lower case. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Whatever a request has; names in lower case. */
  readonly own: Readonly<Record<string, string>>;
}

/** The headers of one request as they go out; the length is the body's own, whatever they say. */
export function sentHeaders(
  given: HeaderFields,
  size: number | undefined,
  { defaults, own }: HostHeaders = { defaults: {}, own: {} },
): Record<string, string> {
  const headers: Record<string, string> = { ...defaults, ...recordOf(given), ...own };
  headers["accept-encoding"] ??= "identity";
  if (size !== undefined) headers["content-length"] = String(size);
  else if ("content-length" in headers) delete headers["content-length"];
  return headers;
}

/** As a plain object, to read alone. */
export function recordOf(headers: HeaderFields): Readonly<Record<string, string>> {
  return headers instanceof FieldRecord ? headers.fields : Object.fromEntries(headers);
}
