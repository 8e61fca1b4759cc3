/** Containers that are nodes, by name or by their compose service. @module */
import { ChaoslabError } from "../../cli/errors.ts";
import type { NodeEntry } from "../../model/lab-file.ts";
import { type Container, type Engine, NOT_ONEOFF, PROJECT_LABEL, SERVICE_LABEL } from "../docker/engine.ts";

/** @throws {ChaoslabError} `notFound` when there is none, `badConfig` when several are of the service. */
export async function containerOf(
  engine: Pick<Engine, "list" | "inspect">,
  name: string,
  { container, compose }: NodeEntry,
  project: string | undefined,
): Promise<Container> {
  if (container !== undefined) {
    return engine.inspect(container).catch((error: unknown) => {
      throw isNotFound(error) ? new ChaoslabError("notFound", `${name}: no container ${container}`) : error;
    });
  }
  const labels = [
    `${SERVICE_LABEL}=${compose}`,
    NOT_ONEOFF,
    ...(project === undefined ? [] : [`${PROJECT_LABEL}=${project}`]),
  ];
  const found = await engine.list(labels);
  const [only] = found;
  const of = project === undefined ? "" : ` in project ${project}`;
  if (!only) throw new ChaoslabError("notFound", `${name}: no container of compose service ${compose}${of}`);
  if (found.length === 1) return engine.inspect(only.Id);
  const names = found.map(({ Names }) => Names[0]?.slice(1)).join(", ");
  throw new ChaoslabError(
    "badConfig",
    `${name}: several containers are of compose service ${compose}${of}: ${names}`,
    project === undefined ? "name the project, or one by container" : "name one by container",
  );
}

const isNotFound = (error: unknown): boolean => error instanceof ChaoslabError && error.kind === "notFound";
