/** `chaoslab completion <shell>`: words for each place on the command line, from the same table as `--help`. */
import { ChaoslabError, ExitCode } from "../cli/errors.ts";
import { TOPICS } from "../docs/topics.ts";
import { PLACES } from "../lab/host/topology.ts";
import { MITIGATIONS } from "../model/mitigations.ts";
import { FAULT_TYPES, PARAMS } from "../model/params.ts";
import { flagName } from "./fault-params.ts";
import { COMMANDS, type CommandSpec } from "./table.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export async function run(args: string[]): Promise<number> {
  const shell = SHELLS.find((each) => each === args[0]);
  if (!shell)
    throw new ChaoslabError("usage", `completion: no such shell: ${args[0]}`, `shells: ${SHELLS.join(", ")}`);
  process.stdout.write({ bash, zsh, fish }[shell]());
  return ExitCode.ok;
}

const nameOf = (spec: CommandSpec): string => spec.usage.split(" ")[0] ?? "";
const flagsOf = (spec: CommandSpec): string[] => [
  ...spec.options.map(([flag]) => flag.split(" ")[0] ?? ""),
  "--help",
];
const names = (): string[] => COMMANDS.map(nameOf);

/** Flags whose value is a node. */
const NODE_FLAGS = ["--target", "--peer", "--then"];

/** Words that may stand where a command's first argument does. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  inject: FAULT_TYPES,
  sut: ["api", "orders", "payments", "catalog", "migrate"],
  completion: SHELLS,
  docs: TOPICS.map(({ name }) => name),
  mitigate: ["all", "none", ...MITIGATIONS],
};

const faultFlags = (): string[] => [
  ...new Set(FAULT_TYPES.flatMap((type) => Object.keys(PARAMS[type].properties).map(flagName))),
];

/** Every word that fits after a command. */
function words(spec: CommandSpec): string[] {
  const name = nameOf(spec);
  return [...(ARGUMENTS[name] ?? []), ...flagsOf(spec), ...(name === "inject" ? faultFlags() : [])];
}

/** Words hold letters, digits, dashes and underscores only, so that none needs quoting in any shell. */
function bash(): string {
  const cases = COMMANDS.map((spec) => `    ${nameOf(spec)}) words="${words(spec).join(" ")}" ;;`).join("\n");
  return `# chaoslab completion for bash: source <(chaoslab completion bash)
_chaoslab() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names().join(" ")} --help --version" -- "$cur"))
    return
  fi
  case "$prev" in
    ${NODE_FLAGS.join("|")}) COMPREPLY=($(compgen -W "${PLACES.join(" ")}" -- "$cur")); return ;;
    run) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _chaoslab chaoslab
`;
}

/** zsh runs bash's completion as it is. */
function zsh(): string {
  return `#compdef chaoslab
# chaoslab completion for zsh: source <(chaoslab completion zsh)
autoload -U +X bashcompinit && bashcompinit
${bash()}`;
}

function fish(): string {
  const lines = [
    "# chaoslab completion for fish: chaoslab completion fish | source",
    "complete -c chaoslab -f",
  ];
  for (const spec of COMMANDS) {
    const name = nameOf(spec);
    const seen = `-n "__fish_seen_subcommand_from ${name}"`;
    lines.push(
      `complete -c chaoslab -n __fish_use_subcommand -a ${name} -d "${spec.summary.replaceAll(/["`$]/g, "")}"`,
    );
    for (const word of words(spec)) {
      lines.push(
        `complete -c chaoslab ${seen} ${word.startsWith("--") ? `-l ${word.slice(2)}` : `-a ${word}`}`,
      );
    }
  }
  lines.push('complete -c chaoslab -n "__fish_seen_subcommand_from run" -F');
  for (const flag of NODE_FLAGS)
    lines.push(`complete -c chaoslab -l ${flag.slice(2)} -x -a "${PLACES.join(" ")}"`);
  lines.push("");
  return lines.join("\n");
}
