# Reference values for tests/simulate, by R's survival and cmprsk, on adtte.csv beside this file.
#   apt-get install --no-install-recommends r-base-core r-cran-survival r-cran-cmprsk
#   Rscript survival.R > survival.json
# adtte.csv was written by: remission simulate e1910-blinatumomab e1910-chemotherapy --population e1910 --patients 120 --years 4
#   --accrual 36 --seed 7 --draws prior:1 --tables adtte --format csv --out DIR   (TRT01P, PARAMCD, DRAW, AVAL and CNSR kept;
#   make.py does all of this again; provenance.json says what the file was made from)
suppressMessages({library(survival); library(cmprsk)})
arguments <- commandArgs(trailingOnly = TRUE)
data <- read.csv(if (length(arguments)) arguments[1] else "adtte.csv")
days <- c(30, 100, 182.625, 365.25, 730.5, 1000)
horizon <- 1000
text <- function(x) {
  if (is.list(x)) {
    inner <- vapply(names(x), function(k) sprintf("\"%s\": %s", k, text(x[[k]])), "")
    return(paste0("{", paste(inner, collapse = ",\n"), "}"))
  }
  if (is.character(x)) return(sprintf("\"%s\"", x))
  one <- ifelse(is.finite(x), sprintf("%.15g", x), "null")
  if (length(x) == 1) one else paste0("[", paste(one, collapse = ", "), "]")
}
at <- function(fit) {
  s <- summary(fit, times = days, extend = TRUE)
  list(estimate = s$surv, se = s$std.err, lo = s$lower, hi = s$upper)
}
whole <- function(d) {
  log <- survfit(Surv(AVAL, CNSR == 0) ~ 1, data = d, conf.type = "log")
  loglog <- survfit(Surv(AVAL, CNSR == 0) ~ 1, data = d, conf.type = "log-log")
  plain <- survfit(Surv(AVAL, CNSR == 0) ~ 1, data = d, conf.type = "plain")
  mean <- summary(log, rmean = horizon)$table
  list(n = nrow(d), events = sum(d$CNSR == 0), log = at(log), loglog = at(loglog), plain = at(plain),
       rmst = unname(mean["rmean"]), rmst_se = unname(mean["se(rmean)"]))
}
compete <- function(d) {
  fit <- cuminc(d$AVAL, ifelse(d$CNSR == 0, 1, ifelse(d$CNSR == 2, 2, 0)), cencode = 0)
  points <- timepoints(fit, days)
  state <- factor(ifelse(d$CNSR == 0, "event", ifelse(d$CNSR == 2, "competing", "censored")),
                  levels = c("censored", "event", "competing"))
  multi <- summary(survfit(Surv(AVAL, state) ~ 1, data = data.frame(AVAL = d$AVAL, state = state)), times = days, extend = TRUE)
  last <- max(d$AVAL)
  one <- function(k) list(cuminc = unname(points$est[k, ]), cuminc_variance = unname(points$var[k, ]),
                          survfit = multi$pstate[, k + 1], survfit_se = multi$std.err[, k + 1])
  list(n = nrow(d), event = one(1), competing = one(2), last = last)
}
out <- list(R = R.version.string, survival = as.character(packageVersion("survival")), cmprsk = as.character(packageVersion("cmprsk")),
            days = days, horizon = horizon)
for (arm in sort(unique(data$TRT01P))) {
  mine <- data[data$TRT01P == arm, ]
  out[[arm]] <- list()
  for (p in c("OS", "EFS", "RFS")) out[[arm]][[p]] <- whole(mine[mine$PARAMCD == p, ])
  for (p in c("CIR", "NRM")) out[[arm]][[p]] <- compete(mine[mine$PARAMCD == p, ])
}
cat(text(out), "\n")
