/** Signing in: name and password, a one-time link, or the site's identity provider. */

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input, { type InputProps } from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import icon from "../../icon.svg";
import { problemOf } from "../api/problem.ts";
import { AwayError, SiteError, site } from "../api/site.ts";
import type { Session } from "../api/types.ts";
import { useValue } from "../live/value.ts";
import { useRoute } from "../router.ts";
import { text } from "../strings/index.ts";
import { useAction } from "../ui/action.ts";
import { Loading, ProblemAlert } from "../ui/states.tsx";
import { signedIn, theSite } from "../who.ts";

/** The page of somebody who is not signed in. */
export function SignInPage() {
  const route = useRoute();
  const token = route.path[0] === "sign-in" ? route.path[1] : undefined;
  const error = route.path[0] === "sign-in" ? route.query.get("error") : null;
  useEffect(() => {
    document.title = text.signIn.pageTitle;
  }, []);
  return (
    <main className="alone">
      <div className="sign-in">
        <Box textAlign="center" padding={{ bottom: "l" }}>
          <img src={icon} alt="" width="48" height="48" />
          <Box variant="h1">{text.product}</Box>
          <Box color="text-body-secondary">{text.signIn.motto}</Box>
        </Box>
        <Container header={<Header variant="h2">{text.signIn.title}</Header>}>
          {token === undefined ? <SignInForm refused={error} /> : <LinkSignIn token={token} />}
        </Container>
        <Box textAlign="center" padding="m" color="text-body-secondary" fontSize="body-s">
          {text.signIn.version(useValue(theSite)?.version ?? "")}
        </Box>
      </div>
    </main>
  );
}

/** Trades a one-time link. */
function LinkSignIn({ token }: { token: string }) {
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  // A link is good once, also where effects run twice.
  const tried = useRef("");
  useEffect(() => {
    const now = `${token} ${attempt}`;
    if (tried.current === now) {
      return;
    }
    tried.current = now;
    site.post<Session>("sign-in/link", { token }).then((session) => {
      // The token leaves the address, so that it does not stay in the history.
      history.replaceState(null, "", "#/");
      window.dispatchEvent(new HashChangeEvent("hashchange"));
      signedIn(session);
    }, setError);
  }, [token, attempt]);
  if (error === undefined) {
    return <Loading />;
  }
  return (
    <SpaceBetween size="m">
      <ProblemAlert
        problem={error instanceof SiteError && error.code === "signInFailed" ? linkFault(error) : problemOf(error)}
        retry={error instanceof AwayError ? () => setAttempt((count) => count + 1) : undefined}
      />
      <Button href="#/">{text.signIn.otherWay}</Button>
    </SpaceBetween>
  );
}

const linkFault = (error: SiteError) => ({ ...problemOf(error), title: text.signIn.linkFailed });

/** Name and password, and the provider's button. Also shown in a dialog when a sign-in ends in mid-use. */
export function SignInForm({
  name: known = "",
  refused = null,
  done,
}: {
  name?: string;
  refused?: string | null;
  done?: () => void;
}) {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const action = useAction();
  const passwordField = useRef<InputProps.Ref>(null);
  const oidc = useValue(theSite)?.oidc ?? null;
  const send = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault();
    const well = await action.run(async () => {
      signedIn(await site.post<Session>("sign-in", { name: name.trim(), password }));
    });
    if (well) {
      done?.();
    } else {
      setPassword("");
      passwordField.current?.focus();
    }
  };
  return (
    <SpaceBetween size="l">
      {refused === null ? null : (
        <Alert type="error" header={text.signIn.providerFailed}>
          {text.signIn.refusals[refused] ?? text.signIn.refusals.unavailable}
        </Alert>
      )}
      <form onSubmit={(event) => void send(event)}>
        <SpaceBetween size="m">
          <ProblemAlert problem={action.problem} />
          <FormField label={text.signIn.name}>
            <Input
              value={name}
              onChange={({ detail }) => setName(detail.value)}
              autoComplete="username"
              autoFocus={known === ""}
              name="name"
              spellcheck={false}
              nativeInputAttributes={{ autoCapitalize: "none" }}
            />
          </FormField>
          <FormField label={text.signIn.password}>
            <Input
              ref={passwordField}
              type="password"
              value={password}
              onChange={({ detail }) => setPassword(detail.value)}
              autoComplete="current-password"
              autoFocus={known !== ""}
              name="password"
            />
          </FormField>
          <Button
            variant="primary"
            formAction="submit"
            fullWidth
            loading={action.busy}
            disabled={name.trim() === "" || password === ""}
          >
            {text.signIn.submit}
          </Button>
        </SpaceBetween>
      </form>
      {oidc === null ? null : (
        <Or>
          <Button href="/console/api/sign-in/oidc" fullWidth>
            {text.signIn.provider(oidc.label)}
          </Button>
        </Or>
      )}
      <Box color="text-body-secondary" fontSize="body-s">
        {text.signIn.linkHint}
      </Box>
    </SpaceBetween>
  );
}

function Or({ children }: { children: ReactNode }) {
  return (
    <SpaceBetween size="m">
      <div className="or">{text.signIn.or}</div>
      {children}
    </SpaceBetween>
  );
}
