import { expect, test } from "bun:test";
import { ChaoslabError } from "../../cli/errors.ts";
import type { Container, Engine, Listed } from "../docker/engine.ts";
import { containerOf } from "./container.ts";

/** An engine that has these containers, by name, whatever is asked for. */
function engine(...names: string[]): Pick<Engine, "list" | "inspect"> & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async list(labels): Promise<Listed[]> {
      asked.push(...labels);
      return names.map((name) => ({ Id: `id-${name}`, Names: [`/${name}`], Labels: {} }));
    },
    async inspect(id) {
      if (!names.some((name) => [name, `id-${name}`].includes(id)))
        throw new ChaoslabError("notFound", `docker: No such container: ${id}`);
      return { Id: id } as Container;
    },
  };
}

const refusal = (of: Promise<unknown>): Promise<string> =>
  of.then(
    () => "accepted",
    (error: unknown) => (error instanceof ChaoslabError ? error.oneLine : "another error"),
  );

test("a container by its name", async () => {
  expect((await containerOf(engine("web-1"), "web", { container: "web-1" }, undefined)).Id).toBe("web-1");
  expect(await refusal(containerOf(engine(), "web", { container: "web-1" }, undefined))).toBe(
    "web: no container web-1",
  );
});

test("the only container of a compose service, and none of compose run", async () => {
  const one = engine("shop_web_1");
  expect((await containerOf(one, "web", { compose: "web" }, "shop")).Id).toBe("id-shop_web_1");
  expect(one.asked).toEqual([
    "com.docker.compose.service=web",
    "com.docker.compose.oneoff=False",
    "com.docker.compose.project=shop",
  ]);
});

test("a service that has none, or several", async () => {
  const find = (of: ReturnType<typeof engine>, project?: string) =>
    refusal(containerOf(of, "web", { compose: "web" }, project));
  expect(await find(engine())).toBe("web: no container of compose service web");
  expect(await find(engine("a_web_1", "b_web_1"))).toBe(
    "web: several containers are of compose service web: a_web_1, b_web_1 (name the project, or one by container)",
  );
  expect(await find(engine("a_web_1", "a_web_2"), "a")).toBe(
    "web: several containers are of compose service web in project a: a_web_1, a_web_2 (name one by container)",
  );
});
