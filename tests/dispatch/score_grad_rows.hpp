// What only the gradient refuses: name, a legal call, how to spoil it, code, got, want.
#pragma once

#include "dispatch/score_grad_calls.hpp"

namespace bad_input {
namespace {

constexpr Row<ScoreGrad> kGradMissing[] = {
    {"no attention_out", grad, [](ScoreGrad& f) { f.call.attention_out = {}; }, Code::attention_out_missing, 0, 1},
    {"attention_out without data", grad, [](ScoreGrad& f) { f.call.attention_out.data = nullptr; },
     Code::attention_out_missing, 0, 1},
    {"no statistics", grad, [](ScoreGrad& f) { f.no_lists_for_stats(); }, Code::statistics_missing, 0, 2},
    {"no softmax_max", grad, [](ScoreGrad& f) { f.call.softmax_max = {}; }, Code::statistics_missing, 1, 2},
    {"no softmax_sum", grad, [](ScoreGrad& f) { f.call.softmax_sum = {}; }, Code::statistics_missing, 1, 2},
    {"no statistics in TND", grad_tnd, [](ScoreGrad& f) { f.no_lists_for_stats(); }, Code::statistics_missing, 0, 2},
    {"softmax_max without data", grad, [](ScoreGrad& f) { f.call.softmax_max.data = nullptr; }, Code::null_stats, 0, 1},
    {"no dy", grad, [](ScoreGrad& f) { f.grad.dy = {}; }, Code::null_dy, 0, 1},
    {"dy without data", grad, [](ScoreGrad& f) { f.grad.dy.data = nullptr; }, Code::null_dy, 0, 1},
    {"no dq", grad, [](ScoreGrad& f) { f.grad.dq = {}; }, Code::null_dq, 0, 1},
    {"dq without data", grad, [](ScoreGrad& f) { f.grad.dq.data = nullptr; }, Code::null_dq, 0, 1},
    {"no dk", grad, [](ScoreGrad& f) { f.grad.dk = {}; }, Code::null_dk, 0, 1},
    {"dk without data", grad, [](ScoreGrad& f) { f.grad.dk.data = nullptr; }, Code::null_dk, 0, 1},
    {"no dv", grad, [](ScoreGrad& f) { f.grad.dv = {}; }, Code::null_dv, 0, 1},
    {"dv without data", grad, [](ScoreGrad& f) { f.grad.dv.data = nullptr; }, Code::null_dv, 0, 1},
    {"dpse without data", grad_biased, [](ScoreGrad& f) { f.grad.dpse.data = nullptr; }, Code::null_dpse, 0, 1},
    {"dsink without data", grad_sunk, [](ScoreGrad& f) { f.grad.dsink.data = nullptr; }, Code::null_dsink, 0, 1},
    {"keep_prob < 1 without drop_mask", grad_dropped, [](ScoreGrad& f) { f.call.drop_mask = {}; },
     Code::drop_mask_missing, 0, 1},
};

constexpr Row<ScoreGrad> kGradUndefined[] = {
    {"dpse without pse", grad, [](ScoreGrad& f) { f.grad.dpse = f.twin(f.call.query); }, Code::dpse_without_pse, 0, 1},
    {"dpse of slopes", grad_sloped, [](ScoreGrad& f) { f.grad.dpse = f.twin(f.call.real_shift); }, Code::dpse_of_slopes,
     2, 1},
    {"dpse of slopes, pse_type 3", grad_sloped,
     [](ScoreGrad& f) { f.call.pse_type = 3, f.grad.dpse = f.twin(f.call.query); }, Code::dpse_of_slopes, 3, 1},
    {"dpse of 1024 rows", grad_compressed_bias, [](ScoreGrad& f) { f.grad.dpse = f.grad.dq; }, Code::dpse_of_compressed,
     1, 0},
    {"dsink without sink", grad,
     [](ScoreGrad& f) {
       f.grad.dsink = f.twin({nullptr, DType::f32, {4}});
     },
     Code::dsink_without_sink, 0, 1},
};

constexpr Row<ScoreGrad> kGradTypes[] = {
    {"dy of another type", grad, [](ScoreGrad& f) { f.grad.dy.dtype = DType::bf16; }, Code::dtype_dy, 3, 2},
    {"dy of no type", grad, [](ScoreGrad& f) { f.grad.dy.dtype = DType::none; }, Code::dtype_dy, 0, 2},
    {"dq of another type", grad, [](ScoreGrad& f) { f.grad.dq.dtype = DType::f32; }, Code::dtype_dq, 1, 2},
    {"dk of another type", grad, [](ScoreGrad& f) { f.grad.dk.dtype = DType::f32; }, Code::dtype_dk, 1, 2},
    {"dv of another type", grad, [](ScoreGrad& f) { f.grad.dv.dtype = DType::bf16; }, Code::dtype_dv, 3, 2},
    {"dpse of another type", grad_biased, [](ScoreGrad& f) { f.grad.dpse.dtype = DType::f32; }, Code::dtype_dpse, 1, 2},
    {"dsink of query's type", grad_sunk, [](ScoreGrad& f) { f.grad.dsink.dtype = DType::f16; }, Code::dtype_dsink, 2,
     1},
    {"softmax_max of query's type", grad, [](ScoreGrad& f) { f.call.softmax_max.dtype = DType::f16; },
     Code::dtype_stats, 2, 1},
};

constexpr Row<ScoreGrad> kGradShapes[] = {
    {"dy of another length", grad, [](ScoreGrad& f) { f.grad.dy.shape.extent[2] = 7; }, Code::dy_shape, 7, 6},
    {"dy of query's D", grad_own_value_dim, [](ScoreGrad& f) { f.grad.dy.shape.extent[3] = 16; }, Code::dy_shape, 16,
     8},
    {"rank of dy", grad,
     [](ScoreGrad& f) {
       f.grad.dy.shape = {2, 6, 64};
     },
     Code::dy_shape, 3, 4},
    {"dy in TND", grad_tnd, [](ScoreGrad& f) { f.grad.dy.shape.extent[0] = 11; }, Code::dy_shape, 11, 12},
    {"dq of another batch", grad, [](ScoreGrad& f) { f.grad.dq.shape.extent[0] = 1; }, Code::dq_shape, 1, 2},
    {"rank of dq", grad,
     [](ScoreGrad& f) {
       f.grad.dq.shape = {2, 6, 64};
     },
     Code::dq_shape, 3, 4},
    {"dk for each head of query", grad, [](ScoreGrad& f) { f.grad.dk.shape.extent[1] = 4; }, Code::dk_shape, 4, 2},
    {"dk of another length", grad, [](ScoreGrad& f) { f.grad.dk.shape.extent[2] = 6; }, Code::dk_shape, 6, 8},
    {"dv for each head of query", grad, [](ScoreGrad& f) { f.grad.dv.shape.extent[1] = 4; }, Code::dv_shape, 4, 2},
    {"dv of key's D", grad_own_value_dim, [](ScoreGrad& f) { f.grad.dv.shape.extent[3] = 16; }, Code::dv_shape, 16, 8},
    {"dpse of the scores beside a row", grad_biased, [](ScoreGrad& f) { f.call.real_shift.shape.extent[2] = 1; },
     Code::dpse_shape, 6, 1},
    {"dpse of a batch beside one matrix", grad_biased, [](ScoreGrad& f) { f.call.real_shift.shape.extent[0] = 1; },
     Code::dpse_shape, 2, 1},
    {"rank of dpse", grad_biased, [](ScoreGrad& f) { f.grad.dpse.shape = {384}; }, Code::dpse_shape, 1, 4},
    {"flat dpse one short", grad_flat_bias, [](ScoreGrad& f) { f.grad.dpse.shape = {239}; }, Code::dpse_shape, 239,
     240},
    {"column dpse one long", grad_column_bias, [](ScoreGrad& f) { f.grad.dpse.shape = {57}; }, Code::dpse_shape, 57,
     56},
    {"dsink of N2", grad_sunk, [](ScoreGrad& f) { f.grad.dsink.shape = {2}; }, Code::dsink_shape, 2, 4},
    {"rank of dsink", grad_sunk,
     [](ScoreGrad& f) {
       f.grad.dsink.shape = {1, 4};
     },
     Code::dsink_shape, 2, 1},
    {"statistics of another length", grad, [](ScoreGrad& f) { f.call.softmax_max.shape.extent[2] = 5; },
     Code::stats_shape_mismatch, 5, 6},
    {"statistics of query's heads in TND", grad_tnd, [](ScoreGrad& f) { f.call.softmax_sum.shape.extent[1] = 2; },
     Code::stats_shape_mismatch, 2, 4},
    {"statistics of rank 2", grad,
     [](ScoreGrad& f) {
       f.call.softmax_sum.shape = {8, 6};
     },
     Code::stats_shape_mismatch, 2, 4},
    {"statistics repeated 4 times", grad, [](ScoreGrad& f) { f.call.softmax_max.shape.extent[3] = 4; },
     Code::stats_shape_mismatch, 4, 8},
};

constexpr LegalRow<ScoreGrad> kGradLegal[] = {
    {"as it is", grad, [](ScoreGrad&) {}},
    {"value with its own D", grad_own_value_dim, [](ScoreGrad&) {}},
    {"dpse", grad_biased, [](ScoreGrad&) {}},
    {"dpse of pse_type 0", grad_biased, [](ScoreGrad& f) { f.call.pse_type = 0; }},
    {"dpse of a row", grad_biased,
     [](ScoreGrad& f) { f.call.real_shift.shape.extent[2] = f.grad.dpse.shape.extent[2] = 1; }},
    {"dpse of one matrix", grad_biased,
     [](ScoreGrad& f) { f.call.real_shift.shape.extent[0] = f.grad.dpse.shape.extent[0] = 1; }},
    {"flat dpse", grad_flat_bias, [](ScoreGrad&) {}},
    {"column dpse", grad_column_bias, [](ScoreGrad&) {}},
    {"dsink", grad_sunk, [](ScoreGrad&) {}},
    {"a sink without its gradient", grad_sunk, [](ScoreGrad& f) { f.grad.dsink = {}; }},
    {"dropout", grad_dropped, [](ScoreGrad&) {}},
    {"statistics without the 8", grad,
     [](ScoreGrad& f) {
       f.call.softmax_max.shape = f.call.softmax_sum.shape = {2, 4, 6};
     }},
    {"dy is attention_out", grad, [](ScoreGrad& f) { f.grad.dy.data = f.call.attention_out.data; }},
};

}  // namespace
}  // namespace bad_input
