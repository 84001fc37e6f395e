import glint

line = "op=fwd layout=BSND dtype=f16 b=2 n=4 nkv=2 sq=5 skv=9 d=16 mode=3 scale=0.25"
case = glint.ref.bundle(line)


def my_kernel(case):
    """From a Bundle to tensors by their names; here glint's own kernel stands for yours."""
    result = glint.flash_attention_score(case.inputs["query"], case.inputs["key"], case.inputs["value"],
                                         head_num=4, input_layout="BSND", scale_value=case.parameters["scale"],
                                         sparse_mode=3, attn_mask_compressed=True)
    return {"out": result.attention_out}


report = glint.ref.check(case, my_kernel)
assert report, report.text
print(report.text, end="")
