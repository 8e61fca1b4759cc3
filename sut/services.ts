/**
 * The services by name. Each is imported only when it is started.
 * @module
 */
import { serve } from "./common/service.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs until the service has stopped. */
export const SERVICES: Readonly<Record<string, (env: Environment) => Promise<void>>> = {
  api: async (env) => serve("api", 8080, env, (await import("./api/api.ts")).api),
  orders: async (env) => serve("orders", 8081, env, (await import("./orders/orders.ts")).orders),
  payments: async (env) => serve("payments", 8082, env, (await import("./payments/payments.ts")).payments),
  catalog: async (env) => serve("catalog", 8083, env, (await import("./catalog/catalog.ts")).catalog),
  migrate: async (env) => (await import("./migrate/migrate.ts")).migrate(env),
};

export { ConfigError } from "./common/config.ts";
export { DependencyError } from "./common/dependency.ts";
export { ListenError } from "./common/service.ts";
