# Reference values for tests/evidence_pool, by R's metafor (rma, rma.glmm) and lme4.
#   apt-get install --no-install-recommends r-base-core r-cran-metafor r-cran-lme4
#   Rscript metafor.R > metafor.json
# rma.glmm(measure = "PLO") calls lme4::glmer; nAGQ = 51 takes its integrals to more digits than the default of 7.
suppressMessages({library(metafor); library(lme4)})

counts <- list(
  pritz1997 = list(events = dat.pritz1997$xi, n = dat.pritz1997$ni),
  bcg_vaccinated = list(events = dat.bcg$tpos, n = dat.bcg$tpos + dat.bcg$tneg),
  hine1989_lidocaine = list(events = dat.hine1989$ai, n = dat.hine1989$n1i),
  mrd_response = list(events = c(9, 82, 48, 60, 12), n = c(10, 85, 53, 64, 13)),
  crs_grade_3 = list(events = c(1, 0, 0, 1, 1), n = c(30, 10, 94, 38, 29)),
  with_full_study = list(events = c(10, 30, 62, 28, 19, 25), n = c(10, 30, 63, 33, 29, 33)),
  two_studies = list(events = c(19, 28), n = c(29, 33)),
  identical = list(events = c(8, 8, 8, 8), n = c(10, 10, 10, 10))
)
scaled <- list(
  survival_36_months = list(
    value = c(0.37, 0.85, 0.54, 0.85, 0.83, 0.65), variance = NULL, n = c(29, 25, 64, 58, 112, 112)),
  bcg_log_risk_ratio = local({
    e <- escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
    list(value = as.numeric(e$yi), variance = as.numeric(e$vi), n = NULL)
  })
)

text <- function(x) {
  if (is.null(x)) return("null")
  if (is.list(x)) {
    inner <- vapply(names(x), function(k) sprintf("\"%s\": %s", k, text(x[[k]])), "")
    return(paste0("{", paste(inner, collapse = ", "), "}"))
  }
  if (is.character(x)) return(sprintf("\"%s\"", x))
  one <- ifelse(is.finite(x), sprintf("%.12g", x), "null")
  if (length(x) == 1) one else paste0("[", paste(one, collapse = ", "), "]")
}

interval <- function(fit, ...) {
  p <- predict(fit, ...)
  list(lo = p$ci.lb, hi = p$ci.ub, prediction_lo = p$pi.lb, prediction_hi = p$pi.ub)
}

# Profile-likelihood intervals of the logit and of tau, by root finding on lme4's deviance of c(tau, logit).
profile_interval <- function(d, mu, tau) {
  study <- factor(seq_along(d$n))
  deviance <- glmer(cbind(d$events, d$n - d$events) ~ 1 + (1 | study), family = binomial, nAGQ = 51, devFunOnly = TRUE)
  best <- deviance(c(tau, mu))
  over <- function(f, lower, upper) min(sapply(list(c(lower, (lower + upper) / 4), c((lower + upper) / 4, upper)), function(r) {
    optimize(f, r, tol = 1e-9)$objective
  }), f(lower))
  by_mu <- function(m) over(function(t) deviance(c(t, m)), 0, 10) - best - qchisq(0.95, 1)
  by_tau <- function(t) optimize(function(m) deviance(c(t, m)), mu + c(-6, 6), tol = 1e-9)$objective - best - qchisq(0.95, 1)
  root <- function(f, a, b) if (f(a) * f(b) < 0) uniroot(f, c(a, b), tol = 1e-9)$root else NA
  list(lo = root(by_mu, mu - 8, mu), hi = root(by_mu, mu, mu + 8),
       tau_lo = if (by_tau(0) < 0) 0 else root(by_tau, 0, tau), tau_hi = root(by_tau, tau, 10))
}

glmm <- function(d) {
  fit <- function(test, nAGQ) try(rma.glmm(
    measure = "PLO", xi = d$events, ni = d$n, test = test, nAGQ = nAGQ), silent = TRUE)
  z <- fit("z", 51)
  if (inherits(z, "try-error")) return(NULL)
  study <- factor(seq_along(d$n))
  profile <- profile_interval(d, as.numeric(z$beta), sqrt(z$tau2))
  seven <- fit("z", 7)
  list(estimate = as.numeric(z$beta), se = z$se, tau2 = z$tau2, i2 = z$I2,
       q = z$QE.LRT, q_p = z$QEp.LRT, wald = interval(z), t = interval(fit("t", 51)),
       profile = profile,
       default_nAGQ = list(estimate = as.numeric(seven$beta), se = seven$se, tau2 = seven$tau2))
}

reml <- function(...) {
  control <- list(threshold = 1e-12, maxiter = 1000)
  z <- rma(..., method = "REML", test = "z", control = control)
  h <- rma(..., method = "REML", test = "knha", control = control)
  tau2 <- confint(z, control = list(tol = 1e-12))$random
  list(estimate = as.numeric(z$beta), se = z$se, tau2 = z$tau2, i2 = z$I2, q = z$QE, q_p = z$QEp,
       tau2_lo = tau2[1, 2], tau2_hi = tau2[1, 3], wald = interval(z),
       hartung_knapp = c(list(se = h$se), interval(h)))
}

variance_of <- function(d) {
  # complementary log-log of survival; variance of a proportion of 0.75 n patients, by the delta method
  s <- d$value
  list(y = log(-log(s)), v = (1 - s) / (0.75 * d$n * s * log(s)^2))
}

answer <- list(
  versions = list(R = as.character(getRversion()), metafor = as.character(packageVersion("metafor")),
                  lme4 = as.character(packageVersion("lme4"))),
  command = "Rscript metafor.R > metafor.json",
  counts = lapply(counts, function(d) list(
    events = d$events, n = d$n, glmm = glmm(d), reml = reml(measure = "PLO", xi = d$events, ni = d$n))),
  scaled = lapply(scaled, function(d) {
    if (is.null(d$variance)) {
      made <- variance_of(d)
      return(list(value = d$value, n = d$n, y = made$y, v = made$v, reml = reml(yi = made$y, vi = made$v)))
    }
    list(y = d$value, v = d$variance, reml = reml(yi = d$value, vi = d$variance))
  })
)
cat(gsub("(\"[A-Za-z0-9_]+\": \\{\"(events|value|y|estimate)\")", "\n\\1", text(answer)), "\n", sep = "")
