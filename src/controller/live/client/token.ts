/** The form that asks for the controller's token. @module */
import { token } from "./api.ts";
import { find, say } from "./dom.ts";

const form = find("token-form", HTMLFormElement);
const input = find("token", HTMLInputElement);
const main = find("main", HTMLElement);

/** Resolves once one was given; whether it is the right one shows when it is used. */
export function askForToken(): Promise<void> {
  say(find("token-error", HTMLElement), token.get() === null ? "" : "this is not the controller's token");
  main.hidden = true;
  form.hidden = false;
  input.value = "";
  input.focus();
  return new Promise((resolve) => {
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        token.set(input.value);
        form.hidden = true;
        resolve();
      },
      { once: true },
    );
  });
}
