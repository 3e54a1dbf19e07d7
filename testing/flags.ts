/** One option of a command line, and what it does to what is being put together. */
export interface Flag<T> {
  /** Its name with the dashes: `--port`. */
  name: string;
  /** What its value is called in the usage; without it the flag takes none. */
  value?: string;
  help: string;
  /** Takes its value, which is empty where it takes none. */
  set(target: T, value: string): void | Promise<void>;
}

/** Arguments that cannot be used; the message says why. */
export class UsageError extends Error {
  override name = "UsageError";
}

/**
 * Reads arguments by a table of flags: `--name value` or `--name=value`, in any order.
 *
 * @returns Whether to go on: `--help` or `-h` ends the reading.
 *
 * @throws {UsageError} When a flag is not in the table, lacks its value, or has one and takes none.
 */
export async function readFlags<T>(
  flags: readonly Flag<T>[],
  args: readonly string[],
  target: T,
): Promise<boolean> {
  const rest = [...args];
  while (rest.length > 0) {
    const arg = rest.shift()!;
    if (arg === "--help" || arg === "-h") return false;
    const [name, inline] = splitArgument(arg);
    const flag = flags.find((each) => each.name === name);
    if (flag === undefined) throw new UsageError(`Cannot serve: there is no option ${name}`);
    if (flag.value === undefined) {
      if (inline !== undefined) throw new UsageError(`Cannot serve: ${name} takes no value`);
      await flag.set(target, "");
      continue;
    }
    const value = inline ?? rest.shift();
    if (value === undefined) throw new UsageError(`Cannot serve: ${name} needs a value`);
    await flag.set(target, value);
  }
  return true;
}

/** The flags in lines, their explanations in a column. */
export function usageOf<T>(flags: readonly Flag<T>[]): string {
  const shown = flags.map(({ name, value, help }) => [value ? `${name} ${value}` : name, help]);
  const width = Math.max(...shown.map(([left]) => left!.length));
  return shown.map(([left, help]) => `  ${left!.padEnd(width)}  ${help}\n`).join("");
}

function splitArgument(arg: string): [name: string, value?: string] {
  const equals = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return equals === -1 ? [arg] : [arg.slice(0, equals), arg.slice(equals + 1)];
}
