// Log-in at the school's own directory. The browser goes there and comes back
// to /signed-in; what it brings is handed to the server by a call of ours.
import { Refused, get, post, type Me } from "./api";
import { goInstead } from "./router";

export interface LogInWays {
  directory: { name: string; dashboard: string } | null;
}

export const logInWays = (): Promise<LogInWays> => get<LogInWays>("/api/v1/login");

const whereKey = "schoolgate.after-log-in";

export async function goToDirectory(): Promise<void> {
  const { go } = await post<{ go: string }>("/api/v1/directory/begin");
  try {
    sessionStorage.setItem(whereKey, location.pathname);
  } catch {
    // Then the first page it is.
  }
  location.assign(go);
}

export interface Returned {
  me?: Me;
  // Only the authenticator's code is missing.
  code?: boolean;
  problem?: Refused;
}

// Null: nobody has come back. Called once, before anything is shown: what the
// provider sent leaves the address bar at once.
export async function comeBack(): Promise<Returned | null> {
  if (location.pathname !== "/signed-in") return null;
  const brought = new URLSearchParams(location.search);
  let where = "/";
  try {
    where = sessionStorage.getItem(whereKey) ?? "/";
    sessionStorage.removeItem(whereKey);
  } catch {
    // As above.
  }
  // A path of ours and nothing else.
  const inside = /^\/[a-z0-9/-]*$/.test(where) && !where.startsWith("//") && where !== "/signed-in";
  goInstead(inside ? where : "/");
  const body: Record<string, string> = {};
  for (const key of ["code", "state", "iss", "error"]) {
    const value = brought.get(key);
    if (value !== null) body[key] = value;
  }
  try {
    return { me: await post<Me>("/api/v1/directory/finish", body) };
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    return problem.code === "code" ? { code: true } : { problem };
  }
}
