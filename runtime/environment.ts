/** Variables by their names, as programs are given them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The environment of this process; `undefined` where there is none, in a browser. On Deno reading a
 * variable of it fails without the permission to.
 */
export function environment(): Variables | undefined {
  return (globalThis as unknown as { process?: { env?: Variables } }).process?.env;
}

/** The number of the user whom this process runs as; `undefined` where that is not known. */
export function userId(): number | undefined {
  try {
    return (globalThis as unknown as { process?: { getuid?(): number } }).process?.getuid?.();
  } catch {
    return undefined; // Deno asks for a permission that nothing else here needs
  }
}
