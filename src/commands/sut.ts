import { ConfigError, DependencyError, ListenError, SERVICES } from "../../sut/services.ts";
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { type Flags, numberFlag, textFlag } from "../cli/flags.ts";

/** Runs one service of the system under test until it is told to stop. */
export async function run(args: string[], flags: Flags): Promise<number> {
  const name = args[0] ?? "";
  const start = SERVICES[name];
  if (!start) {
    const names = Object.keys(SERVICES).join(", ");
    throw new ChaoslabError("usage", `sut: no such service: ${name || "(none)"}`, `services: ${names}`);
  }
  try {
    await start({ ...process.env, ...overrides(flags) });
  } catch (error) {
    throw translated(name, error);
  }
  return ExitCode.ok;
}

/** What the flags say instead of the environment. */
function overrides(flags: Flags): Record<string, string> {
  const host = textFlag(flags, "host");
  const name = textFlag(flags, "name");
  const given: Record<string, string> = {};
  if (host !== undefined) given.HOST = host;
  if (textFlag(flags, "port") !== undefined) {
    given.PORT = String(numberFlag(flags, "port", 0, { min: 0, max: 65_535, integer: true }));
  }
  if (name !== undefined) given.NODE_NAME = name;
  return given;
}

function translated(name: string, error: unknown): unknown {
  if (error instanceof ConfigError)
    return new ChaoslabError("usage", error.message, "see chaoslab sut --help");
  if (error instanceof ListenError)
    return new ChaoslabError(error.inUse ? "addressInUse" : "usage", error.message);
  if (error instanceof DependencyError) return new ChaoslabError("prerequisite", `${name}: ${error.message}`);
  return error;
}
