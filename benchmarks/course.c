/* The engine's inner loop, written by hand in C: what `remission.engine.kernel.run` does, called with the same arguments.

   Batches of LANES patients, a row of the state for each quantity, vectors of W patients (GCC's vector extension). Names of rows,
   columns, codes and constants come from names.h, which compare_c.py writes from the engine itself, so that both read the same tables.
   Left out: the burden on the days of a grid. */

#include <math.h>
#include <stdint.h>
#include <stddef.h>
#if defined(__AVX__) && !defined(__AVX512F__)
#include <immintrin.h>
#endif
#include "names.h"

#ifdef __AVX512F__
#define W 8
#else
#define W 4
#endif
typedef int64_t I;
typedef double v __attribute__((vector_size(8 * W), aligned(8), may_alias));
typedef I w __attribute__((vector_size(8 * W), aligned(8), may_alias));
typedef uint64_t u __attribute__((vector_size(8 * W), aligned(8), may_alias));
#define KEEP static __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))
#define EACH for (I l = 0; l < LANES; l += W)
#define UP_TO(size) for (I l = 0; l < (size); l += W)
#define R(row) (*(v *)(s + (row) * LANES + l))
#define FIELD(clone, field) (CLONE + (clone) * CLONE_FIELDS + (field))

/* With -DCOUNT: how often the expensive expressions are evaluated (patients at a time W, waste included). */
enum { EXPONENTIALS, LOGARITHMS, NORMALS, UNIFORMS, COUNTED };
#ifdef COUNT
I counts[COUNTED];
#define TALLY(what, number) (counts[what] += (number))
#else
#define TALLY(what, number) ((void)0)
#endif

INLINE v all(double x) { return x - (v){}; }
INLINE w all_i(I x) { return x - (w){}; }
INLINE v sel(w m, v a, v b) {
#if W == 4 && defined(__AVX__)
    return (v)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m);
#else
    return (v)((m & (w)a) | (~m & (w)b));
#endif
}
INLINE v low(v a, v b) { return sel(a < b, a, b); }
INLINE v high(v a, v b) { return sel(a > b, a, b); }
INLINE v one(w m) { return (v)(m & (w)all(1.0)); }
INLINE int some(w m) {
#if W == 4 && defined(__AVX__)
    return _mm256_movemask_pd((__m256d)m);
#else
    int bits = 0;
    for (int k = 0; k < W; k++) bits |= (int)(m[k] & 1) << k;
    return bits;
#endif
}
INLINE v places(I l) {
    v x;
    for (int k = 0; k < W; k++) x[k] = (double)(l + k);
    return x;
}
INLINE v vsqrt(v x) {
    for (int k = 0; k < W; k++) x[k] = __builtin_sqrt(x[k]);
    return x;
}
INLINE v vfloor(v x) {
    for (int k = 0; k < W; k++) x[k] = __builtin_floor(x[k]);
    return x;
}
INLINE v vabs(v x) { return (v)((w)x & INT64_MAX); }
INLINE w whole(v x) { return __builtin_convertvector(x, w); }
INLINE v gather(const double *from, w at) {
    v x;
    for (int k = 0; k < W; k++) x[k] = from[at[k]];
    return x;
}

/* exp held to -700 below, for x below 700; exp; log of normal positive numbers: the engine's, to the last bit or two. */
INLINE v exp_below(v x) {
    TALLY(EXPONENTIALS, W);
    const double to = 6755399441055744.0;
    x = high(x, all(-700.0));
    v shifted = x * 1.4426950408889634 + to, n = shifted - to;
    v r = -n * 1.90821492927058770002e-10 + (-n * 6.93147180369123816490e-01 + x);
    v r2 = r * r, r4 = r2 * r2;
    v bottom = r2 * (r * (1.0 / 6) + 0.5) + (1.0 + r);
    v middle = r2 * (r * (1.0 / 5040) + 1.0 / 720) + (r * (1.0 / 120) + 1.0 / 24);
    v top = r4 * (1.0 / 479001600) + (r2 * (r * (1.0 / 39916800) + 1.0 / 3628800) + (r * (1.0 / 362880) + 1.0 / 40320));
    return (r4 * (r4 * top + middle) + bottom) * (v)(((w)shifted + 1023) << 52);
}
INLINE v vexp(v x) { return exp_below(low(x, all(700.0))); }
INLINE v vlog(v x) {
    TALLY(LOGARITHMS, W);
    u shifted = (u)x + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD);
    v n = (v)((shifted >> 52) | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
    v m = (v)((shifted & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD);
    v q = (m - 1.0) / (m + 1.0), z = q * q, y = z * z;
    v odd = y * (y * (y * (y * (2.0 / 19) + 2.0 / 15) + 2.0 / 11) + 2.0 / 7) + 2.0 / 3;
    v even = y * (y * (y * (y * (2.0 / 21) + 2.0 / 17) + 2.0 / 13) + 2.0 / 9) + 2.0 / 5;
    return n * 6.93147180369123816490e-01 + (2.0 * q + (q * z * (z * even + odd) + n * 1.90821492927058770002e-10));
}
INLINE v logistic(v x) { return 1.0 / (1.0 + vexp(-x)); }

/* Random numbers: Philox 4x32-10 at (patient, draw, stream, block), and AS 241. */
KEEP void uniform_rows(double *s, I row, I patient, I draw, I stream, I block, I key0, I key1) {
    const uint64_t mask = 0xFFFFFFFF;
    EACH {
        u c0 = (u)all_i(patient + l), c1 = (u)all_i(draw), c2 = (u)all_i(stream), c3 = (u)all_i(block);
        uint64_t k0 = (uint64_t)key0, k1 = (uint64_t)key1;
        for (unsigned k = 0; k < W; k++) c0[k] += k;
        for (int turn = 0; turn < 10; turn++) {
#if W == 4 && defined(__AVX2__)
            u p0 = (u)_mm256_mul_epu32((__m256i)c0, (__m256i)all_i(0xD2511F53)), p1 = (u)_mm256_mul_epu32((__m256i)c2, (__m256i)all_i(0xCD9E8D57));
#else
            u p0 = (c0 & mask) * 0xD2511F53, p1 = (c2 & mask) * 0xCD9E8D57;
#endif
            c0 = (p1 >> 32) ^ (c1 ^ k0), c1 = p1 & mask, c2 = (p0 >> 32) ^ (c3 ^ k1), c3 = p0 & mask;
            k0 = (k0 + 0x9E3779B9) & mask, k1 = (k1 + 0xBB67AE85) & mask;
        }
        u words[4] = {c0, c1, c2, c3};
        TALLY(UNIFORMS, 4 * W);
        for (int k = 0; k < 4; k++) R(row + k) = ((v)(words[k] | 0x4330000000000000) - (4503599627370496.0 - 0.5)) * 0x1p-32;
    }
}
INLINE v degree_7(v x, const double *k) {
    v x2 = x * x;
    return x2 * x2 * (x2 * (x * k[0] + k[1]) + (x * k[2] + k[3])) + (x2 * (x * k[4] + k[5]) + (x * k[6] + k[7]));
}
INLINE v central_quantile(v p) {
    TALLY(NORMALS, W);
    v q = p - 0.5, r = 0.180625 - q * q;
    return q * degree_7(r, AS241_A) / degree_7(r, AS241_B);
}
INLINE v tail_quantile(v p) {
    v t = vsqrt(-vlog(low(p, 1.0 - p))) - 1.6, above = degree_7(t, AS241_C) / degree_7(t, AS241_D);
    return sel(p >= 0.5, above, -above);
}
INLINE v normal_quantile(v p) { return sel(vabs(p - 0.5) <= CENTRE, central_quantile(p), tail_quantile(p)); }
/* Append values of chosen patients to lists from row `row` on. */
INLINE I pack(double *s, I row, I count, w chosen, const v *values, int n, I stride) {
    for (unsigned left = (unsigned)some(chosen); left; left &= left - 1, count++)
        for (int j = 0; j < n; j++) s[(row + j * stride) * LANES + count] = values[j][__builtin_ctz(left)];
    return count;
}
KEEP void normal_rows(double *s, I row, I count) {
    for (I first = 0; first < count; first += TAIL_ROWS) {
        I some_rows = count - first < TAIL_ROWS ? count - first : TAIL_ROWS, tails = 0;
        EACH for (I k = row + first; k < row + first + some_rows; k++) {
            v p = R(k);
            R(k) = central_quantile(p);
            v kept[2] = {(double)(LANES * k) + places(l), p};
            tails = pack(s, STACK, tails, vabs(p - 0.5) > CENTRE, kept, 2, TAIL_ROWS);
        }
        UP_TO(tails) R(STACK + TAIL_ROWS) = tail_quantile(R(STACK + TAIL_ROWS));
        for (I k = 0; k < tails; k++) s[(I)s[STACK * LANES + k]] = s[(STACK + TAIL_ROWS) * LANES + k];
    }
}

/* What each patient and leukaemia is like. */
KEEP void characterise(double *restrict s, const double *restrict p, double relapsed) {
    EACH {
#define C(name) R(COVARIATE + C_##name)
#define Z(name) R(LATENT + Z_##name)
#define U(name) R(LUCK_TRAITS + U_##name)
#define P(name) p[P_##name]
        double link = P(growth_chemosensitivity), other = sqrt(1 - link * link);
        v ph = C(ph), age = C(age), negative = 1.0 - ph, decades = (age - 45.0) / 10.0, frailty = P(fitness_effect) * C(fitness);
        w is_ph = ph > 0.0;
        v growth = P(growth) * vexp(P(growth_spread) * (link * Z(chemosensitivity) + other * Z(growth)));
        v shift = P(effect_ph_like) * (C(ph_like) - REF_ph_like * negative) + P(effect_kmt2a) * (C(kmt2a) - REF_kmt2a * negative)
            + P(effect_hypodiploid) * (C(hypodiploid) - REF_hypodiploid * negative)
            + P(effect_ikzf1) * (one(C(ikzf1) > 0.0) - sel(is_ph, all(REF_ikzf1_ph), all(REF_ikzf1)))
            + P(effect_wbc) * (one(C(wbc) > 30.0) - REF_wbc) + P(effect_age) * decades;
        v sensitive = high(all(0.05), 1.0 + shift + P(chemosensitivity_spread) * Z(chemosensitivity));
        v bulk = vlog(C(blasts) * MARROW_CELLS);
        v share[6] = {bulk * 0.0, P(persister_fraction) + P(persister_spread) * Z(persister),
            P(cd19_negative_fraction) + P(cd19_negative_spread) * Z(cd19) + P(cd19_negative_hypodiploid) * C(hypodiploid),
            P(resistant_fraction) + P(resistant_spread) * Z(resistant),
            P(extramedullary_fraction) + P(extramedullary_spread) * Z(extramedullary), P(cns_fraction) + P(cns_spread) * Z(central)};
        for (int k = 0; k < CLONES; k++) {
            v level = bulk + LN10 * low(share[k], all(0.0));
            R(FIELD(k, START)) = k == RESISTANT ? sel(is_ph, level, all(ABSENT)) : level;
        }
        w lineages = is_ph & (U(multilineage) < P(multilineage));
        double dose_risk = log(P(dose_reduction) / (1 - P(dose_reduction)));
        w lowered = U(tolerance) < logistic(dose_risk + P(dose_reduction_age) * decades + frailty);
        R(X_GROWTH) = growth;
        R(X_BIRTH) = growth / P(net_to_birth);
        R(X_HALF_DOSE) = 28.0 * P(ec50) * vexp(P(clearance_spread) * Z(clearance)) / P(concentration_28);
        R(X_LN_CAPACITY) = LN10 * P(effector_capacity) + P(effector_spread) * Z(effector) + (relapsed > 0 ? log(P(effector_relapsed)) : 0.0);
        R(X_INDUCTION) = log(P(induction_death) / (1 - P(induction_death))) + P(induction_death_age) * decades + frailty;
        R(X_REMISSION_DEATH) = P(remission_death) * vexp(P(remission_death_age) * decades + frailty) / DAYS_PER_YEAR;
        R(X_TRANSPLANT_DEATH) = log(P(transplant_death) / (1 - P(transplant_death))) + P(transplant_death_age) * decades;
        R(X_TRANSPLANT_MYELOABLATIVE) = sel(age > 45.0, all(P(transplant_death_myeloablative)), all(0.0));
        R(X_TRANSPLANT_FACTOR) = high(all(0.1), 1.0 + P(transplant_spread) * Z(transplant));
        R(X_TRANSCRIPT) = sel(lineages, P(multilineage_level) + P(multilineage_spread) * Z(multilineage), all(-99.0));
        R(X_DOSE_FACTOR) = sel(lowered, all(pow(P(reduced_dose), P(dose_exponent))), all(1.0));
        R(X_DELAY) = sel(lowered, all(P(course_delay)), all(0.0));
        R(X_CONCENTRATION) = -P(clearance_spread) * Z(clearance) / LN2;
        double cross = P(crosslink), effect_28 = P(concentration_28) / (P(concentration_28) + P(ec50));
        v responds = sel(U(responder) < P(responders), all(1.0), all(P(nonresponder_kill)));
        v blina = P(kill_blinatumomab) * vexp(P(blinatumomab_spread) * (cross * Z(chemosensitivity) + sqrt(1 - cross * cross) * Z(blinatumomab)))
            * responds / effect_28;
        v kinase = P(kill_dasatinib) * vexp(P(kinase_inhibitor_spread) * Z(kinase_inhibitor)) * ph;
        R(POTENCY + A_blinatumomab) = R(POTENCY + A_blinatumomab_sc) = blina;
        R(POTENCY + A_induction) = P(kill_induction) * sensitive;
        R(POTENCY + A_consolidation) = P(kill_consolidation) * sensitive;
        R(POTENCY + A_prephase) = P(kill_prephase) * sensitive;
        R(POTENCY + A_inotuzumab) = LN10 * P(kill_inotuzumab) * high(all(0.05), 1.0 + P(inotuzumab_spread) * Z(inotuzumab))
            * high(all(0.0), 1.0 + P(cd22_effect) * (C(cd22) - 90.0) / 30.0);
        R(POTENCY + A_dasatinib) = kinase;
        R(POTENCY + A_imatinib) = kinase * P(imatinib_potency);
        R(POTENCY + A_ponatinib) = kinase * P(ponatinib_potency);
        R(POTENCY + A_maintenance) = P(kill_maintenance) * sensitive;
        v values[] = {age, C(wbc), C(cd20), C(cd22), 100.0 * C(blasts), C(male), ph, C(ph_like), C(kmt2a), high(C(kmt2a), C(hypodiploid)),
            0.0 * age, one(U(donor) < P(donor)), C(ikzf1)};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) R(CONDITION + k) = values[k];
    }
}

/* The course, an instruction at a time. */
#define HERE w here = R(F_AT) == (double)k
#define PASS R(F_AT) = sel(here, all((double)(k + 1)), R(F_AT))
#define SET(row, mask, value) R(row) = sel(mask, value, R(row))
INLINE v ln_cells(const double *s, I l, I point, I clone) { return R(FIELD(clone, START)) + R(point + 1 + clone); }

KEEP void marrow_cells(double *s, I point) {
    EACH {
        v total = vexp(ln_cells(s, l, point, 0));
        for (I clone = 1; clone < MARROW; clone++) total += vexp(ln_cells(s, l, point, clone));
        R(F_MARROW) = total;
    }
    EACH R(F_MARROW) = vlog(R(F_MARROW));
}
KEEP void start(double *s, I clones, I path, I values) {
    static const int zero[] = {F_AT, F_T, F_DAYS, F_UNTIL, F_SCALE, F_HAZARD, F_HARM, F_CAUSE, F_TRANSPLANTED, F_INTRATHECAL, F_INO, F_SPENT,
        F_REMISSION, F_CYTO, F_MUTATED};
    static const int never[] = {F_CR, F_FAIL, F_DEATH, F_TRANSPLANT, F_BLINA_DAY};
    EACH {
        for (size_t k = 0; k < sizeof zero / sizeof *zero; k++) R(zero[k]) = all(0.0);
        for (size_t k = 0; k < sizeof never / sizeof *never; k++) R(never[k]) = all(INFINITY);
        R(F_FIRST_BLINA) = all(NAN), R(F_FADE) = all(-1.0), R(F_OMIT) = all(-INFINITY);
        R(F_LIMIT) = -vlog(R(LUCK + 2));
        for (I a = 0; a < AGENTS; a++) R(RECEIVED + a) = all(0.0), R(SWITCH + a) = all(1.0);
        R(path) = all(0.0);
        for (I c = 0; c < clones; c++) R(FIELD(c, INVERSE)) = all(1.0), R(FIELD(c, BIRTHS)) = R(path + 1 + c) = all(0.0);
    }
    marrow_cells(s, path);
    EACH {
        R(F_LN_START) = R(F_MARROW);
        for (I row = values; row < path; row++) R(row) = all(NAN);
    }
}
KEEP I begin(double *s, I k, double days, double delayed) {
    I count = 0;
    EACH {
        HERE;
        v t = R(F_T), length = sel(here, days + delayed * R(X_DELAY), all(0.0));
        v h = sel(R(F_CR) < INFINITY, R(X_REMISSION_DEATH) * R(F_HAZARD), all(0.0)), spent = R(F_SPENT) + h * length;
        v when = t + (R(F_LIMIT) - R(F_SPENT)) / high(h, all(1e-300));
        w first = (spent >= R(F_LIMIT)) & (when < R(F_DEATH)) & (h * length > 0.0);
        v death = sel(first, when, R(F_DEATH));
        R(F_DEATH) = death;
        SET(F_CAUSE, first, all(CAUSE_REMISSION));
        R(F_SPENT) = spent;
        R(F_UNTIL) = t + length;
        R(F_DAYS) = sel(here, low(length, death - t), all(0.0));
        count += __builtin_popcount((unsigned)some(here));
    }
    return count;
}
KEEP void expose(double *s, I k, I agent, I kind, double amount, I z, double noise, I strength) {
    EACH {
        v potency = R(POTENCY + agent);
        if (kind == CHEMOTHERAPY)
            R(strength) = sel(R(z) >= R(F_OMIT), LN10 * high(all(0.05), potency + noise * R(z)) * R(F_SCALE) * amount, all(0.0));
        else R(strength) = kind == EFFECTOR ? all(0.0) : (v)(potency * (kind == SCALED ? R(F_SCALE) : R(SWITCH + agent)) * amount);
        SET(RECEIVED + agent, R(F_AT) == (double)k, high(R(SWITCH + agent), R(RECEIVED + agent)));
        if (agent == A_inotuzumab) R(F_INO) += amount * R(F_DAYS);
    }
}
INLINE v kill(const double *s, I l, I clone, const double *kills, I count) {
    v total = all(0.0);
    for (I i = 0; i < count; i++) total += R(STRENGTH + i) * kills[i * CLONES + clone];
    return total;
}
KEEP void target(double *s, I k, I point, const double *kills, I count) {
    EACH if (some(R(F_AT) == (double)k)) {
        v a = vexp(ln_cells(s, l, point, 0)), b = vexp(ln_cells(s, l, point, 1)), c = vexp(ln_cells(s, l, point, RESISTANT));
        R(W_TOTAL) = a + b + c;
        R(W_KILLED) = a * kill(s, l, 0, kills, count) + b * kill(s, l, 1, kills, count) + c * kill(s, l, RESISTANT, kills, count);
    }
}
KEEP I effector(double *s, I k, I agent, double dose, double days, I mean) {
    I count = 0;
    EACH {
        HERE;
        if (some(here)) {
            v ln_total = vlog(R(W_TOTAL)), growth = R(X_GROWTH) - R(W_KILLED) / R(W_TOTAL);
            v most = R(POTENCY + agent) * dose / (dose + R(X_HALF_DOSE)) * high(R(F_FADE), all(0.0));
            v x = ln_total - R(X_LN_CAPACITY), fall = most - growth, u = vexp(x), held = high(fall, all(1e-3)) * days;
            w small = (u < SMALL) & (fall > 1e-3);
            R(W_GROWTH) = growth, R(W_KILL) = most, R(W_X) = x;
            R(mean) = sel(small | (R(F_DAYS) <= 0.0), most - most * u * (1.0 - exp_below(-held)) / held, all(-1.0));
            w new = here & (R(F_BLINA_DAY) == INFINITY);
            SET(F_BLINA_DAY, new, R(F_T));
            SET(F_FIRST_BLINA, new, ln_total / LN10);
        }
        v kept[4] = {places(l), R(W_X), R(W_GROWTH), R(W_KILL)};
        count = pack(s, P_LANE, count, R(mean) < 0.0, kept, 4, 1);
    }
    return count;
}
KEEP void step(double *s, I steps, double h, I size) {
    for (I l = 0; l < size; l += 2 * W) { /* two vectors at a time: the steps of one wait for each other */
        v x[2], g[2], m[2];
        for (int j = 0; j < 2; j++) { I l2 = l + j * W; x[j] = *(v *)(s + P_X * LANES + l2), g[j] = *(v *)(s + P_GROWTH * LANES + l2), m[j] = *(v *)(s + P_KILL * LANES + l2); }
        for (I n = 0; n < steps; n++) {
            v k1[2], k2[2], k3[2], k4[2];
            for (int j = 0; j < 2; j++) k1[j] = g[j] - m[j] / (1.0 + vexp(x[j]));
            for (int j = 0; j < 2; j++) k2[j] = g[j] - m[j] / (1.0 + vexp(x[j] + 0.5 * h * k1[j]));
            for (int j = 0; j < 2; j++) k3[j] = g[j] - m[j] / (1.0 + vexp(x[j] + 0.5 * h * k2[j]));
            for (int j = 0; j < 2; j++) k4[j] = g[j] - m[j] / (1.0 + vexp(x[j] + h * k3[j]));
            for (int j = 0; j < 2; j++) x[j] += h * (k1[j] + 2.0 * (k2[j] + k3[j]) + k4[j]) * (1.0 / 6.0);
        }
        for (int j = 0; j < 2; j++) *(v *)(s + P_X * LANES + l + j * W) = x[j];
    }
}
KEEP void grow(double *s, I k, I clones, const double *kills, I count, const I *alike, I before, I after, double doses, double cns_kill) {
    EACH {
        v days = R(F_DAYS), growth = R(X_GROWTH), birth = R(X_BIRTH), slight = TINY_RATE * days;
        v grown[CLONES], shrunk[CLONES], per_inverse[CLONES];
        for (I clone = 0; clone < clones; clone++) {
            I like = alike[clone];
            if (like == clone) {
                v rate = growth - low(kill(s, l, clone, kills, count) + (clone == CNS ? cns_kill : 0.0), all(STRONGEST_KILL));
                grown[clone] = rate * days;
                shrunk[clone] = exp_below(low(-rate * days, all(600.0)));
                per_inverse[clone] = birth / (rate + TINY_RATE);
            }
            v old = R(FIELD(clone, INVERSE)), new = low(old * shrunk[like], all(LARGEST_INVERSE));
            R(after + 1 + clone) = R(before + 1 + clone) + grown[like];
            R(FIELD(clone, INVERSE)) = new;
            R(FIELD(clone, BIRTHS)) += (slight * old + (old - new)) * per_inverse[like];
        }
        v until = R(F_UNTIL), death = R(F_DEATH), t = low(until, death);
        R(F_INTRATHECAL) += doses * days;
        R(F_T) = R(after) = t;
        SET(F_AT, R(F_AT) == (double)k, sel(death > until, all((double)(k + 1)), all(-1.0)));
    }
}
KEEP void transplant(double *s, I k, I mode, I clones, double myeloablative, double reduced, I before, I after) {
    EACH {
        HERE;
        PASS;
        w moved = here & (R(F_REMISSION) > 0.0) & (R(F_TRANSPLANTED) == 0.0);
        w mild = mode == 2 ? all_i(-1) : mode == 0 ? (w)(R(V_AGE) >= YOUNG) : all_i(0);
        v hit = sel(moved, sel(mild, all(reduced), all(myeloablative)) * R(X_TRANSPLANT_FACTOR) * LN10, all(0.0)), t = R(F_T);
        R(after) = t;
        for (I clone = 0; clone < clones; clone++) {
            v level = R(before + 1 + clone) - (clone == CNS ? 0.3 : 1.0) * hit;
            R(after + 1 + clone) = level;
            R(FIELD(clone, INVERSE)) = exp_below(low(-level, all(600.0)));
        }
        SET(F_TRANSPLANT, moved, t);
        SET(F_TRANSPLANTED, moved, all(1.0));
        v death = t + 30.0 + 500.0 * R(LUCK + 4);
        w dies = moved & (R(LUCK + 3) < logistic(R(X_TRANSPLANT_DEATH) + sel(mild, all(0.0), R(X_TRANSPLANT_MYELOABLATIVE)))) & (death < R(F_DEATH));
        SET(F_DEATH, dies, death);
        SET(F_CAUSE, dies, all(CAUSE_TRANSPLANT));
    }
}
KEEP void assess_mrd(double *s, I k, I value, I when, I assay, double flow, double noise, I z) {
    EACH {
        HERE;
        PASS;
        SET(when, here, R(F_T));
        v level = (R(F_MARROW) - LN_M) / LN10;
        if (assay == OP_TRANSCRIPT) level = high(level, R(X_TRANSCRIPT));
        SET(value, here, level + flow + noise * R(z));
    }
}
KEEP void assess_remission(double *s, I k, I point, I value, I when, I silent) {
    EACH {
        HERE;
        PASS;
        SET(when, here, R(F_T));
        w yes = (R(F_MARROW) < LN_CR) & (ln_cells(s, l, point, EXTRAMEDULLARY) < LN_EXTRAMEDULLARY);
        SET(value, here, one(yes));
        if (silent) continue;
        SET(F_REMISSION, here, one(yes));
        SET(F_CR, here & yes & (R(F_CR) == INFINITY), R(F_T));
    }
}
KEEP void assess_other(double *s, I k, I point, I value, I when, int mutation) {
    EACH {
        HERE;
        PASS;
        SET(when, here, R(F_T));
        w seen = mutation ? (ln_cells(s, l, point, RESISTANT) > R(F_MARROW) + log(0.2)) & (R(F_MARROW) > LN_M - 4.0 * LN10)
                          : R(F_MARROW) <= R(F_LN_START) - LN2;
        SET(value, here, one(seen));
        SET(mutation ? F_MUTATED : F_CYTO, here, one(seen));
    }
}
KEEP void test(double *s, I k, I a, I b, I comparison, double threshold, I top) {
    EACH {
        HERE;
        PASS;
        v x = high(R(a), R(b));
        w holds = comparison == 0 ? x < threshold : comparison == 1 ? x <= threshold : comparison == 2 ? x > threshold
            : comparison == 3 ? x >= threshold : comparison == 4 ? x == threshold : (x < threshold) | (x > threshold);
        SET(STACK + top, here, one(holds));
    }
}
KEEP void combine(double *s, I k, I terms, int every, I top) {
    EACH {
        HERE;
        PASS;
        v least = all(1.0), most = all(0.0);
        for (I j = 0; j < terms; j++) least = low(least, R(STACK + top + j)), most = high(most, R(STACK + top + j));
        SET(STACK + top, here, every ? least : most);
    }
}
KEEP void set_course(double *s, I k, const double *course, double omit) {
    EACH {
        HERE;
        PASS;
        w lowered = course[3] > 0.0 ? (w)(R(X_DOSE_FACTOR) < 1.0) : all_i(0);
        SET(F_SCALE, here, course[0] * sel(lowered, R(X_DOSE_FACTOR), all(1.0)));
        SET(F_OMIT, here, sel(lowered, all(omit), all(-INFINITY)));
        SET(F_HAZARD, here, all(course[1]));
        SET(F_HARM, here, all(course[2]));
    }
}
KEEP void small_steps(double *s, I k, I op, I a, I b, double number, double parameter, I row, I top) {
    EACH {
        HERE;
        if (op == OP_JUMP_UNLESS) { SET(F_AT, here, sel(R(STACK + top) > 0.0, all((double)(k + 1)), all((double)a))); continue; }
        if (op == OP_JUMP) { SET(F_AT, here, all((double)a)); continue; }
        if (op == OP_STOP) {
            R(F_AT) = sel(here, all(-1.0), R(F_AT));
            if (a == OP_REFRACTORY) SET(F_FAIL, here, R(F_T));
            continue;
        }
        PASS;
        if (op == OP_PHASE) SET(row, here, R(F_T) + number);
        else if (op == OP_SHARE) SET(STACK + top, here, one(R(row) < number));
        else if (op == OP_SWITCH) SET(SWITCH + a, here, b == OP_ASKED ? R(STACK + top) : all(b == OP_ON));
        else if (op == OP_CYCLE) SET(F_FADE, here, sel(R(F_FADE) < 0.0, all(1.0), R(F_FADE) * parameter));
        else { /* INDUCTION */
            w dies = here & (R(LUCK) < logistic(R(X_INDUCTION) + parameter * (1.0 - low(R(F_HARM), all(1.0)))));
            SET(F_DEATH, dies, R(F_T) + (double)a * R(LUCK + 1));
            SET(F_CAUSE, dies, all(CAUSE_INDUCTION));
        }
    }
}

/* What chance does to the few cells that are left. */
INLINE v poisson_quantile(v u, v rate) {
    v term = vexp(-rate), total = term, count = all(0.0);
    w going = total < u;
    for (I k = 1; some(going) && k < 10000; k++) {
        term *= rate * (1.0 / (double)k), total += term;
        count = sel(going, all((double)k), count);
        going &= total < u;
    }
    return count;
}
INLINE v erlang_quantile(v u, v k) {
    v c = 1.0 / (9.0 * k), cube = high(1.0 - c + normal_quantile(u) * vsqrt(c), all(1e-3));
    v x = high(k * cube * cube * cube, vexp((vlog(u) + gather(LN_FACTORIAL, whole(k))) / k));
    w going = k > 1.0;
    for (int turns = 1; some(going); turns++) {
        v term = vexp(-x), tail = term;
        w more = k > 1.0;
        for (I j = 1; some(more); more = (double)++j < k) term = sel(more, term * (x * (1.0 / (double)j)), term), tail = sel(more, tail + term, tail);
        v by = ((1.0 - tail) - u) / high(term, all(1e-300));
        by = by / high(1.0 - 0.5 * by * ((k - 1.0) / x - 1.0), all(0.5));
        by = low(high(by, -0.5 * x), 0.5 * x);
        x = sel(going, x - by, x);
        going &= vabs(by) >= 1e-5 * x;
        if (turns >= 12) break;
    }
    return sel(k > 1.0, x, -vlog(1.0 - u));
}
KEEP void survive(double *s, I size) {
    UP_TO(size) {
        v u_count = R(Q_PLACE + QUEUE), u_size = R(Q_PLACE + 2 * QUEUE), ln_rate = R(Q_PLACE + 3 * QUEUE);
        v rate = vexp(low(ln_rate, all(LN_MILLION)));
        w few = (ln_rate >= -40.0) & (rate <= FEW), many = (rate > FEW) & (ln_rate <= LN_MILLION);
        v scale = sel(rate > FEW, all(0.0), all(EXTINCT));
        if (some(few)) {
            v lines = low(poisson_quantile(u_count, sel(few, rate, all(0.0))), all(255.0));
            w alive = lines > 0.0;
            if (some(alive)) scale = sel(alive, vlog(erlang_quantile(u_size, high(lines, all(1.0)))) - ln_rate, scale);
        }
        if (some(many)) {
            v count = high(rate + vsqrt(rate) * normal_quantile(u_count), all(1.0));
            v cube = 1.0 - 1.0 / (9.0 * count) + normal_quantile(u_size) / (3.0 * vsqrt(count));
            scale = sel(many, vlog(high(count * cube * cube * cube, 1e-3 * rate)) - ln_rate, scale);
        }
        R(Q_PLACE + QUEUE) = scale;
    }
}
KEEP I expect(double *s, I clones, I point, double ln_clonogenic) {
    I count = 0;
    for (I clone = 0; clone < clones; clone++) EACH {
        v rate = R(FIELD(clone, RATE)), level = R(point + 1 + clone);
        v luck = R(CLONE_LUCK + 2 * clone);
        v lines = vlog(R(FIELD(clone, BIRTHS)) + R(X_BIRTH) / high(rate, all(1e-9)) * R(FIELD(clone, INVERSE)));
        lines = ln_clonogenic + R(FIELD(clone, START)) - lines - sel(level < -600.0, -600.0 - level, all(0.0));
        w alive = (rate > 1e-9) & (lines >= LEAST_LINES) & (luck > vexp(-vexp(low(lines, all(LN_FEW)))));
        R(FIELD(clone, SHIFT)) = sel(alive, all(0.0), all(EXTINCT));
        v kept[4] = {(double)(LANES * FIELD(clone, SHIFT)) + places(l), luck, R(CLONE_LUCK + 2 * clone + 1), lines};
        count = pack(s, Q_PLACE, count, alive & (lines <= LN_MILLION), kept, 4, QUEUE);
    }
    return count;
}

/* Relapse. */
typedef struct { v total, slope, high; } newton;
INLINE newton ln_total(const v *levels, const v *slopes) {
    newton n = {.high = high(high(levels[0], levels[1]), high(levels[2], levels[3]))};
    n.total = n.slope = all(0.0);
    for (int k = 0; k < MARROW; k++) {
        v part = exp_below(levels[k] - n.high);
        n.total += part;
        if (slopes) n.slope += part * slopes[k];
    }
    return n;
}
INLINE v ln_sum(const v *levels) {
    newton n = ln_total(levels, 0);
    return n.high + vlog(n.total);
}
INLINE v largest(const v *levels) {
    v best = levels[0], row = all(0.0);
    for (int k = 1; k < MARROW; k++) row = sel(levels[k] > best, all((double)k), row), best = high(levels[k], best);
    return row;
}
KEEP void later_relapse(double *s, I clones, I point) {
    EACH {
        v level[CLONES], rate[CLONES], at[MARROW], t = all(INFINITY), cr = R(F_CR);
        w alive[CLONES];
        for (I c = 0; c < clones; c++) {
            level[c] = R(FIELD(c, START)) + R(point + 1 + c) + R(FIELD(c, SHIFT)), rate[c] = R(FIELD(c, RATE));
            alive[c] = R(FIELD(c, SHIFT)) > EXTINCT / 2;
        }
        for (int c = 0; c < MARROW; c++) t = sel(alive[c], low(t, high(all(0.0), (LN_CR - level[c]) / rate[c])), t);
        w going = t < INFINITY;
        for (int turns = 1; some(going); turns++) {
            for (int c = 0; c < MARROW; c++) at[c] = level[c] + rate[c] * t;
            newton n = ln_total(at, rate);
            v by = (n.high + vlog(n.total) - LN_CR) / (n.slope / n.total), next = high(t - by, all(0.0));
            t = sel(going, next, t);
            going &= (by >= 1e-9 * (1.0 + t)) & (next > 0.0);
            if (turns >= 60) break;
        }
        v days = sel(cr < INFINITY, t, all(INFINITY)), for_ = sel(days < INFINITY, days, all(0.0));
        for (int c = 0; c < MARROW; c++) at[c] = level[c] + rate[c] * for_;
        v row = largest(at);
        for (I c = EXTRAMEDULLARY; c < clones; c++) {
            v single = high(all(0.0), (SEEN[c] - level[c]) / rate[c]);
            w first = alive[c] & (single < days) & (cr < INFINITY);
            days = sel(first, single, days), row = sel(first, all((double)c), row);
        }
        w late = R(F_T) + days > HORIZON_DAYS;
        R(W_RELAPSE) = sel(late, all(INFINITY), R(F_T) + days);
        R(W_SITE) = sel(late, all(0.0), row);
    }
}
KEEP I suspect(double *s, I clones, I path, I stride, I point) {
    I count = 0;
    EACH {
        v lift[CLONES], cr = R(F_CR), found = all(INFINITY), t0 = R(path);
        for (I c = 0; c < clones; c++) R(FIELD(c, LIFT)) = lift[c] = R(FIELD(c, START)) + high(R(FIELD(c, SHIFT)), all(0.0)) - SEEN[c];
        for (I at = path + stride; at <= point; at += stride) {
            v most = all(NO_CELLS), t1 = R(at);
            for (I c = 0; c < clones; c++) most = high(most, R(at + 1 + c) + lift[c]);
            found = sel((most >= 0.0) & (t0 >= cr) & (t1 > t0), low(found, all((double)at)), found);
            t0 = t1;
        }
        if (some(found < INFINITY)) for (I c = 0; c < clones; c++) {
            v least = R(path + 1 + c), lowest = all((double)path);
            for (I at = path + stride; at <= point; at += stride) {
                v level = R(at + 1 + c);
                lowest = sel(level < least, all((double)at), lowest), least = low(level, least);
            }
            R(FIELD(c, LOWEST)) = lowest;
        }
        v kept[2] = {places(l), found};
        count = pack(s, P_LANE, count, found < INFINITY, kept, 2, 1);
    }
    return count;
}
/* The share of the stretch that ends at `row` after which relapse is first seen in one patient (2: none), and of what. */
INLINE double first_seen(const double *s, I clones, I stride, I row, I lane, double *site) {
    double starts[CLONES], ends[CLONES], most_before = -INFINITY, most_after = -INFINITY, before = 0.0, after = 0.0, share = 2.0;
    for (I c = 0; c < clones; c++) {
        double own = s[FIELD(c, START) * LANES + lane] + (s[FIELD(c, LOWEST) * LANES + lane] <= (double)(row - stride) ? s[FIELD(c, SHIFT) * LANES + lane] : 0.0);
        starts[c] = s[(row - stride + 1 + c) * LANES + lane] + own, ends[c] = s[(row + 1 + c) * LANES + lane] + own;
        if (c < MARROW) most_before = fmax(most_before, starts[c]), most_after = fmax(most_after, ends[c]);
    }
    for (int c = 0; c < MARROW; c++) before += exp(fmax(starts[c] - most_before, -700)), after += exp(fmax(ends[c] - most_after, -700));
    int reached = most_after + log(after) >= LN_CR, begun = most_before + log(before) >= LN_CR;
    if (reached) {
        share = 1.0;
        if (begun) share = 0x1p-50;
        else for (int turns = 0; turns < 60; turns++) {
            double most = -INFINITY, total = 0.0, slope = 0.0;
            for (int c = 0; c < MARROW; c++) most = fmax(most, starts[c] + share * (ends[c] - starts[c]));
            for (int c = 0; c < MARROW; c++) {
                double part = exp(fmax(starts[c] + share * (ends[c] - starts[c]) - most, -700));
                total += part, slope += part * (ends[c] - starts[c]);
            }
            double by = (most + log(total) - LN_CR) / (slope / total);
            share -= by;
            if (!(by > 1e-14)) break;
        }
        int best = 0;
        for (int c = 1; c < MARROW; c++)
            if (starts[c] + share * (ends[c] - starts[c]) > starts[best] + share * (ends[best] - starts[best])) best = c;
        *site = best;
    }
    for (I c = EXTRAMEDULLARY; c < clones; c++) {
        double single = starts[c] >= SEEN[c] ? 0x1p-50 : (SEEN[c] - starts[c]) / (ends[c] > starts[c] ? ends[c] - starts[c] : 1.0);
        if (ends[c] >= SEEN[c] && single < share) share = single, *site = (double)c;
    }
    return share;
}
KEEP void early_relapse(double *s, I clones, I stride, I point, I size) {
    for (I k = 0; k < size; k++) {
        I lane = (I)s[P_LANE * LANES + k];
        for (I at = (I)s[P_POINT * LANES + k]; at <= point; at += stride) {
            double most = NO_CELLS, t0 = s[(at - stride) * LANES + lane], t1 = s[at * LANES + lane], site = 0.0;
            for (I c = 0; c < clones; c++) most = fmax(most, s[(at + 1 + c) * LANES + lane] + s[FIELD(c, LIFT) * LANES + lane]);
            if (most < 0.0 || !(t1 > t0)) continue;
            double share = first_seen(s, clones, stride, at, lane, &site);
            if (share > 1.0) continue;
            s[W_RELAPSE * LANES + lane] = t0 + share * (t1 - t0);
            s[W_SITE * LANES + lane] = site;
            break;
        }
    }
}

/* The end of the course. */
KEEP void cns_relapse(double *s, const double *d) {
    EACH {
        v ratio = d[D_CNS_REGIMEN] + d[D_CNS_MALE] * R(V_SEX) + sel(R(V_WBC) > 100.0, all(d[D_CNS_WBC]), all(0.0)) + d[D_CNS_PH] * R(V_PH)
            + d[D_CNS_DOSE] * high(all(0.0), FULL_INTRATHECAL - R(F_INTRATHECAL));
        w comes = (R(LATE + 3) < 1.0 - vexp(d[D_CNS_LN_FREE] * vexp(ratio))) & (R(F_CR) < INFINITY);
        v day = R(F_CR) - d[D_CNS_MEAN_DAYS] * vlog(R(LATER));
        w first = comes & (day < R(W_RELAPSE));
        SET(W_RELAPSE, first, day);
        SET(W_SITE, first, all(SITE_CNS));
    }
}
KEEP void background_day(double *s, const double *life, I last) {
    EACH for (int j = 0; j < W; j++) {
        I lane = l + j;
        double age = s[V_AGE * LANES + lane];
        const double *table = life + (s[V_SEX * LANES + lane] > 0.0 ? last + 1 : 0);
        I year = (I)age < last - 1 ? (I)age : last - 1, below = year, above = last;
        double reached = table[year] + (age - (double)year) * (table[year + 1] - table[year]) + s[W_BACKGROUND * LANES + lane];
        while (above - below > 1) {
            I middle = (below + above) / 2;
            if (table[middle] <= reached) below = middle; else above = middle;
        }
        s[W_BACKGROUND * LANES + lane] = ((double)below + (reached - table[below]) / (table[below + 1] - table[below]) - age) * DAYS_PER_YEAR;
    }
}
KEEP void conclude(double *s, const double *d) {
    const v never = all(INFINITY);
    EACH {
        v cr = R(F_CR), own = R(F_DEATH), cause = R(F_CAUSE), ino = R(F_INO), relapse = R(W_RELAPSE), background = R(W_BACKGROUND);
        v graft = sel(R(F_TRANSPLANT) < low(low(relapse, background), own), R(F_TRANSPLANT), never);
        w grafted = graft < INFINITY, given = ino > 0.0;
        v logit = sel(grafted, all(d[D_VOD_TRANSPLANT]), all(d[D_VOD])) + d[D_VOD_DOSE] / LN2 * vlog(sel(given, ino / INOTUZUMAB_CYCLES, all(1.0)));
        w vod = given & (R(LATER + 3) < logistic(logit));
        v fatal = graft + 14.0 + 60.0 * R(EARLY + 2);
        w killed = vod & grafted & (R(EARLY + 1) < d[D_VOD_DEATH]) & (fatal < own);
        own = sel(killed, fatal, own), cause = sel(killed, all(CAUSE_TRANSPLANT), cause);
        v before = low(own, background);
        relapse = sel(relapse < before, relapse, never);
        v failed = sel(R(F_FAIL) < low(before, relapse), R(F_FAIL), never), off = low(relapse, failed);
        w blina = R(F_BLINA_DAY) < low(off, before), gone = off < INFINITY, exposed = blina & given;
        v odds = d[D_SALVAGE_ODDS] * sel(sel(relapse < INFINITY, relapse - cr, all(0.0)) > LATE_RELAPSE_DAYS, all(d[D_SALVAGE_LATE]), all(1.0))
            * sel(exposed, all(d[D_SALVAGE_EXPOSED]), all(1.0)) * sel(R(V_PH) > 0.0, all(d[D_SALVAGE_PH]), all(1.0));
        v cured = odds / (1.0 + odds) * vexp(d[D_SALVAGE_AGE] * high(all(0.0), (R(V_AGE) - 45.0) / 10.0));
        v second = sel(R(LATE + 2) < cured, never, -vlog(R(LATE + 1)) * d[D_SALVAGE_MEAN_DAYS]);
        own = sel(gone, off + second, own), cause = sel(gone, all(CAUSE_LEUKAEMIA), cause);
        v death = low(own, background), over = low(relapse, death);
        v cells = vexp(LN10 * sel(R(F_BLINA_DAY) < INFINITY, R(F_FIRST_BLINA), all(0.0))), flux = cells / (1.0 + cells / vexp(R(X_LN_CAPACITY)));
        v storm = d[D_CRS] + d[D_CRS_BURDEN] * (vlog(high(flux, all(1e-12))) / LN10 - d[D_CRS_REFERENCE]);
        R(W_OVER) = over;
        R(E_REMISSION) = sel(cr < death, cr, never);
        R(E_FAILURE) = failed, R(E_RELAPSE) = relapse, R(E_SITE) = sel(relapse < INFINITY, R(W_SITE), all(NAN)), R(E_DEATH) = death;
        R(E_CAUSE) = sel(background <= own, all(CAUSE_BACKGROUND), cause);
        R(E_TRANSPLANT) = graft;
        R(E_CRS) = one(blina & (R(LATER + 1) < logistic(storm)));
        R(E_NEURO) = one(blina & (R(LATER + 2) < logistic(d[D_NEURO] + d[D_NEURO_EXPOSURE] * R(X_CONCENTRATION))));
        R(E_VOD) = one(vod), R(E_BLINA) = one(blina);
        R(E_END) = low(R(F_END), over);
        R(E_INTRATHECAL) = R(F_INTRATHECAL);
    }
}

/* The driver: the same arguments as the engine's kernel, an array's lengths after its address. */
void run(I first_draw, I last_draw, I patients, I first_patient, I origin, double relapsed, I key0, I key1, I clones, I shares, const I *ops, I n_ops,
         I ops_, const double *numbers, I numbers_, const double *durations, I durations_, const I *delayed, I delayed_, const I *starts, I starts_,
         const I *given, I given_, const double *amounts, I amounts_, const double *intrathecal, I intrathecal_, const I *noise, I noise_,
         const I *noise_address, I n_noise, const I *slot_address, I n_slots, const double *lifelong, I lifelong_, const I *layout, I layout_,
         const I *kinds, I kinds_, const I *alike, I alike_, I alike__, const I *draw_numbers, I draw_numbers_, const double *parameters, I parameters_,
         I n_parameters, const double *courses, I courses_, I n_courses, I four, const double *availability, I availability_, I agents,
         const double *relative, I relative_, I relative__, I relative___, const double *kills, I kills_, I n_given, I kills__, const double *draws,
         I draws_, I n_draw, const double *life, I n_life, const double *grid, I grid_, const double *cohort, I cohort_, I people, double *s, I s_, I s__,
         double *events, I n_events, I total, double *conditions, I n_conditions, I total_1, double *values_out, I n_values, I total_2, double *when_out,
         I n_when, I total_3, float *started_out, I n_started, I total_4, double *burden, I burden_, I total_5) {
    const I noise_rows = layout[0], slot_rows = layout[1], values = layout[2], when = layout[3], started = layout[4], path = layout[5];
    const I stride = clones + 1, last_age = n_life / 2 - 1, share_rows = LUCK + 4 * (LUCK_BLOCKS - SHARE_BLOCKS);
    for (I draw = first_draw; draw < last_draw; draw++) for (I batch = 0; batch < patients; batch += LANES) {
        const I size = patients - batch < LANES ? patients - batch : LANES, column = (draw - first_draw) * patients + batch;
        const I patient = first_patient + batch, number = draw_numbers[draw];
        const double *d = draws + draw * n_draw, *hits = kills + draw * n_given * CLONES, *available = availability + draw * agents;
        for (I k = 0; k < NAMES; k++) for (I lane = 0; lane < LANES; lane++)
            s[(COVARIATE + k) * LANES + lane] = cohort[k * people + column + (lane < size ? lane : size - 1)];
        for (I block = 0; block < 5; block++)
            uniform_rows(s, block < 4 ? LATENT + 4 * block : LUCK_TRAITS, patient, number, STREAM_LATENT, block, key0, key1);
        normal_rows(s, LATENT, N_LATENT);
        characterise(s, parameters + draw * n_parameters, relapsed);
        for (I place = 0; place < LUCK_BLOCKS - (shares > 0 ? 0 : SHARE_BLOCKS); place++)
            uniform_rows(s, LUCK + 4 * place, patient, number, LUCK_STREAM[place], LUCK_BLOCK[place], key0, key1);
        for (int kind = 0; kind < 2; kind++) {
            const I *addresses = kind ? slot_address : noise_address, n = kind ? n_slots : n_noise, row = kind ? slot_rows : noise_rows;
            for (I k = 0, drawn = -1; k < n; k++) {
                I address = addresses[k];
                if (address >= 0 && address / 4 != drawn)
                    uniform_rows(s, UNIFORM, patient, number, kind ? STREAM_ASSESSMENT : STREAM_BLOCK, drawn = address / 4, key0, key1);
                for (I lane = 0; lane < LANES; lane++) s[(row + k) * LANES + lane] = s[(UNIFORM + (address > 0 ? address % 4 : 0)) * LANES + lane];
            }
        }
        normal_rows(s, noise_rows, values - noise_rows);

        start(s, clones, path, values);
        for (I lane = size; lane < LANES; lane++) s[F_AT * LANES + lane] = -1.0;
        I point = path, top = 0, fresh = 1;
        for (I k = 0; k < n_ops; k++) {
            const I op = ops[4 * k], a = ops[4 * k + 1], b = ops[4 * k + 2], comparison = ops[4 * k + 3];
            if (op == OP_SEGMENT) {
                const double days = durations[a];
                if (begin(s, k, days, (double)delayed[a]) == 0) continue;
                const I first = starts[a], count = starts[a + 1] - first;
                double dose = 0.0;
                I agent = -1, mean = STRENGTH;
                for (I i = 0; i < count; i++) {
                    I m = given[first + i];
                    expose(s, k, m, kinds[m], amounts[first + i], noise_rows + noise[a], d[D_COURSE_NOISE], STRENGTH + i);
                    if (kinds[m] == EFFECTOR) dose += amounts[first + i] * available[m], agent = m, mean = STRENGTH + i;
                }
                if (agent >= 0) {
                    target(s, k, point, hits + first * CLONES, count);
                    const I packed = effector(s, k, agent, dose, days, mean);
                    if (packed > 0) {
                        const double steps = ceil(days / STEP_DAYS);
                        step(s, (I)steps, days / steps, packed);
                        for (I j = 0; j < packed; j++) {
                            I lane = (I)s[P_LANE * LANES + j];
                            s[mean * LANES + lane] = s[P_GROWTH * LANES + j] - (s[P_X * LANES + j] - s[W_X * LANES + lane]) / days;
                        }
                    }
                }
                const double doses = days > 0.0 ? intrathecal[a] / days : 0.0;
                grow(s, k, clones, hits + first * CLONES, count, alike + a * CLONES, point, point + stride, doses, doses * d[D_INTRATHECAL_KILL]);
                point += stride, fresh = 0;
            } else if (op >= OP_REMISSION && op <= OP_MUTATION) {
                if (!fresh) marrow_cells(s, point), fresh = 1;
                if (op == OP_MRD) assess_mrd(s, k, values + a, when + a, b, b == OP_FLOW ? d[D_FLOW_READING] : 0.0, d[D_MRD_NOISE], slot_rows + a);
                else if (op == OP_REMISSION) assess_remission(s, k, point, values + a, when + a, comparison);
                else assess_other(s, k, point, values + a, when + a, op == OP_MUTATION);
            } else if (op == OP_TEST) test(s, k, a, b, comparison, numbers[k], top++);
            else if (op == OP_AND || op == OP_OR) top -= a, combine(s, k, a, op == OP_AND, top++);
            else if (op == OP_COURSE) set_course(s, k, courses + (draw * n_courses + a) * four, d[D_OMIT]);
            else if (op == OP_TRANSPLANT) {
                transplant(s, k, a, clones, d[D_KILL_MYELOABLATIVE], d[D_KILL_REDUCED], point, point + stride);
                point += stride, fresh = 0;
            } else {
                if (op == OP_JUMP_UNLESS || (op == OP_SWITCH && b == OP_ASKED)) top--;
                small_steps(s, k, op, a, b, numbers[k], op == OP_CYCLE ? d[D_FADE] : d[D_INDUCTION_NONE], op == OP_PHASE ? started + a : share_rows + a, top);
                if (op == OP_SHARE) top++;
            }
        }
        EACH {
            v t = R(F_T), death = R(F_DEATH);
            R(F_END) = low(t, death);
            SET(F_FAIL, (R(F_CR) == INFINITY) & (death == INFINITY), low(R(F_FAIL), t));
            for (I c = 0; c < clones; c++) R(FIELD(c, RATE)) = R(X_GROWTH);
        }
        for (I m = 0; m < agents; m++) if (lifelong[m] > 0.0) EACH for (I c = 0; c < clones; c++)
            R(FIELD(c, RATE)) -= lifelong[m] * R(SWITCH + m) * R(POTENCY + m) * relative[(draw * agents + m) * CLONES + c];
        const I packed = expect(s, clones, point, d[D_LN_CLONOGENIC]);
        survive(s, packed);
        for (I j = 0; j < packed; j++) s[(I)s[Q_PLACE * LANES + j]] = s[(Q_PLACE + QUEUE) * LANES + j];
        later_relapse(s, clones, point);
        early_relapse(s, clones, stride, point, suspect(s, clones, path, stride, point));
        if (d[D_CNS_HAZARD] > 0.0) cns_relapse(s, d);
        EACH R(W_BACKGROUND) = -vlog(R(LATE));
        background_day(s, life, last_age);
        conclude(s, d);
        EACH {
            v over = R(W_OVER);
            for (I k = 0; k < when - values; k++) {
                w seen = R(when + k) <= over;
                R(values + k) = sel(seen, R(values + k), all(NAN)), R(when + k) = sel(seen, R(when + k), all(NAN));
            }
            for (I row = started; row < path; row++) R(row) = sel(R(row) <= over, R(row), all(NAN));
        }
        struct { double *to; I rows, first; } tables[] = {{events, n_events, E_REMISSION}, {conditions, n_conditions, CONDITION}, {values_out, n_values, values}, {when_out, n_when, when}};
        for (int j = 0; j < 4; j++) for (I k = 0; k < tables[j].rows; k++) for (I lane = 0; lane < size; lane++)
            tables[j].to[k * total + origin + column + lane] = s[(tables[j].first + k) * LANES + lane];
        for (I k = 0; k < n_started; k++) for (I lane = 0; lane < size; lane++)
            started_out[k * total + origin + column + lane] = (float)s[(started + k) * LANES + lane];
    }
}

/* What one of these expressions costs by itself, on rows that lie in the nearest cache: 16 rows of numbers in (0, 1), `turns` times. */
void alone(I what, I turns, double *s) {
    for (I turn = 0; turn < turns; turn++) {
        if (what == UNIFORMS) for (I row = 16; row < 32; row += 4) uniform_rows(s, row, turn, 1, 2, row, 3, 4);
        else for (I row = 0; row < 16; row++) EACH {
            v x = R(row);
            R(row + 16) = what == EXPONENTIALS ? exp_below(x) : what == LOGARITHMS ? vlog(x) : central_quantile(x);
        }
        __asm__ volatile("" ::: "memory");
    }
}
