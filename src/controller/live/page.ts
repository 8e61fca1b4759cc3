/** The live page: one response with all in it, and no data of the lab. @module */
import { bundle } from "../../web/bundle.ts" with { type: "macro" };
import { page } from "../../web/page.ts";
import { BODY } from "./body.ts";
import type { PageData } from "./fields.ts";
import { faultForms } from "./forms.ts";

const data: PageData = { forms: faultForms() };

export const LIVE_PAGE = page({
  title: "chaoslab",
  style: bundle("src/controller/live/client/page.css"),
  script: bundle("src/controller/live/client/main.ts"),
  body: BODY,
  data,
  connects: true,
});
