interface Process {
  platform?: string;
  arch?: string;
}

/**
 * The operating system and the processor of this machine, as Node names them (`win32`, `x64`);
 * `undefined` where a program is not told, in a browser or a worker.
 */
export function machine(): { os: string; architecture: string } | undefined {
  const { platform, arch } = (globalThis as { process?: Process }).process ?? {};
  return platform && arch ? { os: platform, architecture: arch } : undefined;
}
